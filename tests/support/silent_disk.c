/* Preloaded: a disk that does not answer. What writes or asks below $SILENT_FOLDER waits as long as the file $SILENT_FLAG exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static int is_silent(void)
{
	const char *flag = getenv("SILENT_FLAG");
	return flag && access(flag, F_OK) == 0;
}

static int is_below(const char *path)
{
	const char *folder = getenv("SILENT_FOLDER");
	return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static void wait_while_silent(void)
{
	const struct timespec pause = { 0, 10 * 1000 * 1000 };
	while (is_silent())
		nanosleep(&pause, NULL);
}

static void wait_for_path(const char *path)
{
	if (is_silent() && is_below(path))
		wait_while_silent();
}

static void wait_for_descriptor(int fd)
{
	char link[64], path[PATH_MAX];
	if (!is_silent())
		return;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, sizeof path - 1);
	if (size < 0)
		return;
	path[size] = '\0';
	if (is_below(path))
		wait_while_silent();
}

int fsync(int fd)
{
	wait_for_descriptor(fd);
	return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	wait_for_descriptor(fd);
	return NEXT(fdatasync)(fd);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
	wait_for_descriptor(fd);
	return NEXT(write)(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	wait_for_descriptor(fd);
	return NEXT(pwrite)(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	wait_for_descriptor(fd);
	return NEXT(pwrite64)(fd, bytes, size, at);
}

int ftruncate64(int fd, off64_t size)
{
	wait_for_descriptor(fd);
	return NEXT(ftruncate64)(fd, size);
}

int rename(const char *from, const char *to)
{
	wait_for_path(to);
	return NEXT(rename)(from, to);
}

int unlink(const char *path)
{
	wait_for_path(path);
	return NEXT(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	wait_for_path(path);
	return NEXT(mkdir)(path, mode);
}

int statvfs64(const char *path, struct statvfs64 *space)
{
	wait_for_path(path);
	return NEXT(statvfs64)(path, space);
}

int statvfs(const char *path, struct statvfs *space)
{
	wait_for_path(path);
	return NEXT(statvfs)(path, space);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	if (flags & (O_CREAT | O_WRONLY | O_RDWR))
		wait_for_path(path);
	return NEXT(open64)(path, flags, mode);
}
