/* Preloaded where the kernel has no DMA-BUF heaps: memory from memfd_create in their place.
 *
 * libcamera and picamera2 open /dev/dma_heap/NAME, ask it for buffers (DMA_HEAP_IOCTL_ALLOC), name them and bracket
 * accesses (DMA_BUF_IOCTL_SYNC). For a camera whose frames the CPU makes, plain shared memory does the same. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*open_function)(const char *, int, ...);
typedef int (*ioctl_function)(int, unsigned long, ...);

static int open_or_stand_in(const char *symbol, const char *path, int flags, mode_t mode)
{
	if (path && strncmp(path, "/dev/dma_heap/", 14) == 0)
		return memfd_create("dma-heap", MFD_CLOEXEC);
	open_function next = (open_function)dlsym(RTLD_NEXT, symbol);
	return next(path, flags, mode);
}

static mode_t mode_of(int flags, va_list rest)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);
	va_end(rest);
	return open_or_stand_in("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	mode_t mode = mode_of(flags, rest);
	va_end(rest);
	return open_or_stand_in("open64", path, flags, mode);
}

static int allocate(struct dma_heap_allocation_data *wanted)
{
	int buffer = memfd_create("dma-buf", MFD_CLOEXEC);
	if (buffer < 0)
		return -1;
	if (ftruncate(buffer, (off_t)wanted->len) < 0) {
		close(buffer);
		return -1;
	}
	wanted->fd = (__u32)buffer;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);

	if (request == DMA_HEAP_IOCTL_ALLOC)
		return allocate(argument);
	ioctl_function next = (ioctl_function)dlsym(RTLD_NEXT, "ioctl");
	int result = next(fd, request, argument);
	int on_buffer = request == DMA_BUF_IOCTL_SYNC || request == DMA_BUF_SET_NAME_A || request == DMA_BUF_SET_NAME_B;
	/* A memfd knows neither, and needs neither. */
	return result < 0 && on_buffer && (errno == ENOTTY || errno == EINVAL) ? 0 : result;
}
