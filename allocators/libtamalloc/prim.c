// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "prim.h"

#define SOURCE_BYTES	 4096 /* what a pattern file is written from, so many times in one call */
#define SOURCES		 256
#define DEFAULT_MAX_MAPS 65530
#define PROBE_FILL	 171

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#if defined(__x86_64__) && !defined(SYS_tamalloc)
#define SYS_tamalloc 551
#endif

size_t prim_page_bytes(void)
{
	static size_t bytes;
	size_t known = __atomic_load_n(&bytes, __ATOMIC_RELAXED);

	if (!known) {
		known = (size_t)getauxval(AT_PAGESZ);
		__atomic_store_n(&bytes, known, __ATOMIC_RELAXED);
	}
	return known;
}

size_t prim_max_maps(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	ssize_t length = -1;
	size_t maps;

	if (fd >= 0) {
		length = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	maps = length > 0 ? strtoul(text, NULL, 10) : 0;
	return maps ? maps : DEFAULT_MAX_MAPS;
}

/* ---- mappings ---- */

static void *result(void *addr)
{
	return addr == MAP_FAILED ? NULL : addr;
}

void *prim_map(size_t bytes, bool charged)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (charged ? 0 : MAP_NORESERVE);

	return result(mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0));
}

void *prim_reserve(size_t bytes)
{
	return result(
		mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

bool prim_map_file(void *at, size_t bytes, int fd, size_t offset, bool over)
{
	int flags = MAP_PRIVATE | MAP_NORESERVE | (over ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	void *addr = mmap(at, bytes, PROT_READ | PROT_WRITE, flags, fd, (off_t)offset);

	if (addr == MAP_FAILED)
		return false;
	if (addr == at)
		return true;
	munmap(addr, bytes); /* before 4.17 the address is a wish */
	errno = EEXIST;
	return false;
}

void prim_unmap(void *addr, size_t bytes)
{
	/* ENOMEM: a piece out of the middle of a mapping, and no mapping more is allowed. */
	if (munmap(addr, bytes) && !(errno == ENOMEM && prim_discard(addr, bytes)))
		prim_warn("munmap(%p, %zu): %s; the memory stays mapped", addr, bytes,
			  strerror(errno));
}

void *prim_resize(void *addr, size_t bytes, size_t new_bytes)
{
	return result(mremap(addr, bytes, new_bytes, MREMAP_MAYMOVE));
}

/* Asks to lengthen it by a page where it is. What follows it is in the way, as a rule. */
bool prim_is_one_mapping(void *addr, size_t bytes)
{
	if (mremap(addr, bytes, bytes + prim_page_bytes(), 0) == MAP_FAILED)
		return errno == ENOMEM;
	prim_unmap((char *)addr + bytes, prim_page_bytes());
	return true;
}

bool prim_move(void *from, size_t bytes, void *to)
{
	return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;
}

bool prim_populate(void *addr, size_t bytes)
{
	return !madvise(addr, bytes, MADV_POPULATE_WRITE);
}

bool prim_discard(void *addr, size_t bytes)
{
	return !madvise(addr, bytes, MADV_DONTNEED);
}

/* ---- the system call ---- */

bool prim_is_filtered(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}

#ifdef SYS_tamalloc
void *prim_tamalloc(size_t bytes, unsigned char fill)
{
	long addr = syscall(SYS_tamalloc, bytes, (unsigned)fill, 0u);

	return addr == -1 ? NULL : (void *)addr;
}

bool prim_has_tamalloc(void)
{
	size_t page_bytes = prim_page_bytes();
	unsigned char *page;
	bool works;

	if (prim_is_filtered() || prim_tamalloc(0, 0) || errno != EINVAL)
		return false;
	page = prim_tamalloc(page_bytes, PROBE_FILL);
	if (!page)
		return false;
	works = page[0] == PROBE_FILL && page[page_bytes - 1] == PROBE_FILL;
	prim_unmap(page, page_bytes);
	return works;
}
#else
void *prim_tamalloc(size_t bytes, unsigned char fill)
{
	(void)bytes;
	(void)fill;
	errno = ENOSYS;
	return NULL;
}

bool prim_has_tamalloc(void)
{
	return false;
}
#endif

/* ---- pattern files ---- */

static int make_memfd(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("tamalloc", flags | MFD_NOEXEC_SEAL);

	return fd < 0 && errno == EINVAL ? memfd_create("tamalloc", flags) : fd; /* before 6.3 */
}

/* Over the limit on the size of files, a write would raise SIGXFSZ, also for a memfd. */
static bool may_write(size_t bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) || bytes <= limit.rlim_cur;
}

/* The same few bytes again and again: they stay in the fastest cache. */
static bool write_pattern(int fd, size_t bytes, unsigned char fill)
{
	char source[SOURCE_BYTES];
	struct iovec pieces[SOURCES];
	size_t done = 0;

	memset(source, fill, sizeof(source));
	for (unsigned i = 0; i < SOURCES; i++)
		pieces[i] = (struct iovec){source, sizeof(source)};
	while (done < bytes) {
		size_t rest = bytes - done;
		unsigned count = rest < sizeof(source) * SOURCES ? rest / sizeof(source) : SOURCES;
		ssize_t written = count ? pwritev(fd, pieces, (int)count, (off_t)done)
					: pwrite(fd, source, rest, (off_t)done);

		if (written > 0)
			done += (size_t)written;
		else if (written == 0 || errno != EINTR)
			return false;
	}
	return true;
}

int prim_pattern_file(size_t bytes, unsigned char fill, struct prim_file_id *id)
{
	int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	struct stat status;
	int fd;

	if (!may_write(bytes))
		return -1;
	fd = make_memfd();
	if (fd < 0)
		return -1;
	if (!write_pattern(fd, bytes, fill) || fcntl(fd, F_ADD_SEALS, seals) ||
	    fstat(fd, &status)) {
		close(fd);
		return -1;
	}
	*id = (struct prim_file_id){.dev = status.st_dev, .ino = status.st_ino};
	return fd;
}

bool prim_is_file(int fd, const struct prim_file_id *id)
{
	struct stat status;

	return !fstat(fd, &status) && status.st_dev == id->dev && status.st_ino == id->ino;
}

void prim_close(int fd)
{
	close(fd);
}

/* ---- environment and messages ---- */

const char *prim_getenv(const char *name)
{
	return secure_getenv(name);
}

static void say(const char *format, va_list arguments)
{
	char line[256] = "tamalloc: ";
	size_t length = strlen(line);
	int added = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);

	length += added < 0 ? 0 : (size_t)added;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return; /* nobody listens */
}

void prim_warn(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	errno = error;
}

void prim_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
	abort();
}
