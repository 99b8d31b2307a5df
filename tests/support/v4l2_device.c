/* Preloaded: a video capture device that is not there, for a library that talks to one (<linux/videodev2.h>, memory-mapped
 * streaming).
 *
 * $V4L2_DEVICE is its path. $V4L2_MODE is a file whose first letter says how it does: o(k), s(ilent): no frame comes any more,
 * g(one): unplugged, m(etadata): a node that gives no pictures. It shows YUYV at 25 Hz, picture k uniformly 16 + k % 200 bright.
 * $V4L2_JPEG, if set, is a JPEG file: it shows that picture as MJPG, at the size that is asked for, which must be the file's.
 * $V4L2_COLOUR, if set, is "colorspace ycbcr_enc quantization Y U V": what the format says, and the one colour that every picture has. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 4, MOST_BYTES = 1 << 20 };
static const long PERIOD_NS = 40 * 1000 * 1000;

static int device = -1;
static struct v4l2_pix_format format;
static unsigned shown, queued[BUFFERS], queue_length;

static char mode(void)
{
	char letter = 'o';
	int fd = ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(getenv("V4L2_MODE"), O_RDONLY);
	if (fd >= 0) {
		if (read(fd, &letter, 1) != 1)
			letter = 'o';
		close(fd);
	}
	return letter;
}

static int open_device(void)
{
	if (mode() == 'g') {
		errno = ENOENT;
		return -1;
	}
	int fd = memfd_create("video", MFD_CLOEXEC);
	if (fd >= 0 && ftruncate(fd, (off_t)BUFFERS * MOST_BYTES) == 0)
		device = fd;
	queue_length = 0;
	return fd;
}

#define OPEN(name)                                                                         \
	int name(const char *path, int flags, ...)                                         \
	{                                                                                  \
		va_list rest;                                                              \
		va_start(rest, flags);                                                     \
		mode_t rights = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;  \
		va_end(rest);                                                              \
		const char *ours = getenv("V4L2_DEVICE");                                  \
		if (ours && strcmp(path, ours) == 0)                                       \
			return open_device();                                              \
		int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
		return next(path, flags, rights);                                          \
	}
OPEN(open)
OPEN(open64)

static int capabilities(struct v4l2_capability *answer)
{
	memset(answer, 0, sizeof *answer);
	strcpy((char *)answer->driver, "stand-in");
	strcpy((char *)answer->card, "Test Camera");
	answer->device_caps = V4L2_CAP_STREAMING;
	answer->device_caps |= mode() == 'm' ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE;
	answer->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static int read_colour(unsigned colour[6])
{
	const char *text = getenv("V4L2_COLOUR");
	return text && sscanf(text, "%u %u %u %u %u %u", colour, colour + 1, colour + 2, colour + 3, colour + 4, colour + 5) == 6;
}

static int set_format(struct v4l2_format *wish)
{
	struct v4l2_pix_format *pix = &wish->fmt.pix;
	pix->field = V4L2_FIELD_NONE;
	if (getenv("V4L2_JPEG")) {
		pix->pixelformat = V4L2_PIX_FMT_MJPEG;
		pix->bytesperline = 0;
		pix->sizeimage = MOST_BYTES;
		format = *pix;
		return 0;
	}
	if (pix->width > 640 || pix->height > 480) {
		pix->width = 640;
		pix->height = 480;
	}
	pix->pixelformat = V4L2_PIX_FMT_YUYV;
	pix->bytesperline = pix->width * 2;
	pix->sizeimage = pix->bytesperline * pix->height;
	unsigned colour[6];
	if (read_colour(colour)) {
		pix->priv = V4L2_PIX_FMT_PRIV_MAGIC;
		pix->colorspace = colour[0];
		pix->ycbcr_enc = colour[1];
		pix->quantization = colour[2];
	}
	format = *pix;
	return 0;
}

static int rate(struct v4l2_streamparm *parameters)
{
	parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
	parameters->parm.capture.timeperframe.numerator = 1;
	parameters->parm.capture.timeperframe.denominator = 25;
	return 0;
}

static int describe_buffer(struct v4l2_buffer *buffer)
{
	buffer->m.offset = buffer->index * MOST_BYTES;
	buffer->length = format.sizeimage;
	return 0;
}

static void paint(uint8_t *pixels)
{
	unsigned colour[6] = {0, 0, 0, 16 + shown % 200, 128, 128};
	read_colour(colour);
	for (unsigned at = 0; at < format.sizeimage; at += 2) {
		pixels[at] = (uint8_t)colour[3];
		pixels[at + 1] = (uint8_t)colour[4 + at / 2 % 2];
	}
}

static unsigned read_jpeg(uint8_t *pixels)
{
	FILE *file = fopen(getenv("V4L2_JPEG"), "rb");
	size_t used = file ? fread(pixels, 1, MOST_BYTES, file) : 0;
	if (file)
		fclose(file);
	return (unsigned)used;
}

static int give_frame(struct v4l2_buffer *buffer)
{
	if (mode() == 's' || queue_length == 0) {
		errno = EAGAIN;
		return -1;
	}
	nanosleep(&(struct timespec){.tv_nsec = PERIOD_NS}, NULL);
	unsigned index = queued[0];
	memmove(queued, queued + 1, --queue_length * sizeof *queued);

	uint8_t *pixels = mmap(NULL, format.sizeimage, PROT_WRITE, MAP_SHARED, device, (off_t)index * MOST_BYTES);
	unsigned used = format.sizeimage;
	if (format.pixelformat == V4L2_PIX_FMT_MJPEG)
		used = read_jpeg(pixels);
	else
		paint(pixels);
	munmap(pixels, format.sizeimage);

	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	buffer->index = index;
	buffer->bytesused = used;
	buffer->length = format.sizeimage;
	buffer->timestamp.tv_sec = now.tv_sec;
	buffer->timestamp.tv_usec = now.tv_nsec / 1000;
	buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	buffer->sequence = shown++;
	return 0;
}

static int answer(unsigned long request, void *argument)
{
	switch (request) {
	case VIDIOC_QUERYCAP:
		return capabilities(argument);
	case VIDIOC_S_FMT:
	case VIDIOC_TRY_FMT:
		return set_format(argument);
	case VIDIOC_G_FMT:
		((struct v4l2_format *)argument)->fmt.pix = format;
		return 0;
	case VIDIOC_G_PARM:
	case VIDIOC_S_PARM:
		return rate(argument);
	case VIDIOC_REQBUFS:
		((struct v4l2_requestbuffers *)argument)->count = BUFFERS;
		return 0;
	case VIDIOC_QUERYBUF:
		return describe_buffer(argument);
	case VIDIOC_QBUF:
		queued[queue_length++] = ((struct v4l2_buffer *)argument)->index;
		return 0;
	case VIDIOC_DQBUF:
		return give_frame(argument);
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF:
	case VIDIOC_G_INPUT:
	case VIDIOC_S_INPUT:
		return 0;
	default:
		errno = ENOTTY;
		return -1;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	request &= 0xffffffff; /* Python passes it as a signed int */
	if (fd != device || fd < 0)
		return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(fd, request, argument);
	if (mode() == 'g') {
		errno = ENODEV;
		return -1;
	}
	return answer(request, argument);
}

/* A memfd is always ready; a silent camera never is. */
int select(int count, fd_set *read_set, fd_set *write_set, fd_set *error_set, struct timeval *timeout)
{
	if (device >= 0 && read_set && device < count && FD_ISSET(device, read_set) && mode() == 's') {
		nanosleep(&(struct timespec){timeout->tv_sec, timeout->tv_usec * 1000}, NULL);
		FD_ZERO(read_set);
		return 0;
	}
	int (*next)(int, fd_set *, fd_set *, fd_set *, struct timeval *) =
		(int (*)(int, fd_set *, fd_set *, fd_set *, struct timeval *))dlsym(RTLD_NEXT, "select");
	return next(count, read_set, write_set, error_set, timeout);
}
