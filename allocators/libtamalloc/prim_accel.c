// SPDX-License-Identifier: MIT
/* The part of prim.h that the accelerator needs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <sys/single_threaded.h> /* glibc 2.32 */
#endif
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "prim.h"

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#ifndef TRAP_PERF_FLAG_ASYNC
#define TRAP_PERF_FLAG_ASYNC 1u
#endif

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define MOST_PAGES 64

/* ---- memory ---- */

bool prim_kernel_cannot(void)
{
	return errno == EINVAL || errno == EPERM || errno == ENOSYS;
}

bool prim_advise_huge(void *addr, size_t bytes)
{
	return !madvise(addr, bytes, MADV_HUGEPAGE);
}

bool prim_advise_small(void *addr, size_t bytes)
{
	return !madvise(addr, bytes, MADV_NOHUGEPAGE);
}

bool prim_make_huge(void *addr, size_t bytes)
{
	bool done = prim_advise_huge(addr, bytes) && !madvise(addr, bytes, MADV_COLLAPSE);
	int error = errno;

	prim_advise_small(addr, bytes);
	errno = error;
	return done;
}

/* 0 terminated; bytes includes that. */
static bool read_file(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = -1;

	if (fd >= 0) {
		length = read(fd, text, bytes - 1);
		close(fd);
	}
	text[length > 0 ? length : 0] = 0;
	return length > 0;
}

bool prim_has_huge_pages(void)
{
	char text[64];

	return !prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) &&
	       read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text)) &&
	       !strstr(text, "[never]");
}

int prim_open_pagemap(void)
{
	return open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

bool prim_own_pages(int pagemap, uintptr_t addr, size_t count, bool *own)
{
	const uint64_t present = UINT64_C(1) << 63, file = UINT64_C(1) << 61,
		       exclusive = UINT64_C(1) << 56;
	uint64_t entries[MOST_PAGES];
	size_t bytes = count * sizeof(*entries);
	off_t at = (off_t)(addr / prim_page_bytes() * sizeof(*entries));

	if (count > MOST_PAGES || pread(pagemap, entries, bytes, at) != (ssize_t)bytes)
		return false;
	for (size_t i = 0; i < count; i++)
		own[i] = (entries[i] & (present | file | exclusive)) == (present | exclusive);
	return true;
}

/* ---- threads ---- */

bool prim_is_traced(void)
{
	char text[2048], *line;

	if (!read_file("/proc/self/status", text, sizeof(text)))
		return true;
	line = strstr(text, "\nTracerPid:");
	return !line || atoi(line + strlen("\nTracerPid:")) != 0;
}

bool prim_is_single_threaded(void)
{
#ifdef __GLIBC__
	return __libc_single_threaded;
#else
	return false;
#endif
}

int prim_process_id(void)
{
	return getpid();
}

int prim_thread_id(void)
{
	return (int)syscall(SYS_gettid);
}

uint64_t prim_thread_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now))
		return 0;
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool prim_thread_is_alive(int thread_id)
{
	return !syscall(SYS_tgkill, getpid(), thread_id, 0);
}

bool prim_other_threads(void (*visit)(int thread_id))
{
	DIR *directory = opendir("/proc/self/task");
	int self = prim_thread_id(), thread_id;
	struct dirent *entry;

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		thread_id = atoi(entry->d_name);
		if (thread_id > 0 && thread_id != self)
			visit(thread_id);
	}
	closedir(directory);
	return true;
}

/* ---- the event ---- */

#if defined(PERF_ATTR_SIZE_VER7) && UINTPTR_MAX > UINT32_MAX
int prim_fault_event(int thread_id, uint64_t period, bool shared, uint64_t cookie, uint64_t *id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS_MIN,
		.sample_period = period,
		.sample_type = PERF_SAMPLE_ADDR,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.inherit = shared,
		.inherit_thread = shared,
		.sigtrap = 1,
		.remove_on_exec = 1, /* the new program has no handler */
		.sig_data = cookie,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, thread_id, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_ID, id)) {
		close(fd);
		return -1;
	}
	return fd;
}
#else
int prim_fault_event(int thread_id, uint64_t period, bool shared, uint64_t cookie, uint64_t *id)
{
	(void)thread_id;
	(void)period;
	(void)shared;
	(void)cookie;
	(void)id;
	errno = ENOSYS;
	return -1;
}
#endif

bool prim_event_switch(int fd, bool on)
{
	return !ioctl(fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

static bool is_event(int fd, uint64_t id)
{
	uint64_t is;

	return !ioctl(fd, PERF_EVENT_IOC_ID, &is) && is == id;
}

void prim_event_period(int fd, uint64_t id, uint64_t period)
{
	if (is_event(fd, id))
		ioctl(fd, PERF_EVENT_IOC_PERIOD, &period);
}

void prim_event_close(int fd, uint64_t id)
{
	if (is_event(fd, id))
		close(fd);
}

/* ---- its signal ---- */

static bool (*handle)(const struct prim_trap *trap);

/* The kernel's own structure: the C library's may not have these members. */
struct kernel_siginfo {
	int number, error, code, padding;
	uint64_t addr, perf_data;
	uint32_t perf_type, perf_flags;
};

/* Not ours: what would have happened without us, once this handler returns. */
static void as_by_default(void)
{
	signal(SIGTRAP, SIG_DFL);
	syscall(SYS_tgkill, getpid(), prim_thread_id(), SIGTRAP);
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	const struct kernel_siginfo *kernel = (const void *)info;
	struct prim_trap trap = {
		.addr = (uintptr_t)kernel->addr,
		.cookie = kernel->perf_data,
		.late = kernel->perf_flags & TRAP_PERF_FLAG_ASYNC,
	};
	int error = errno;

	(void)number;
	(void)context;
	if (info->si_code != TRAP_PERF || !handle(&trap))
		as_by_default();
	errno = error;
}

enum prim_disposition prim_trap_disposition(void)
{
	struct sigaction now;

	if (sigaction(SIGTRAP, NULL, &now))
		return PRIM_OTHER;
	if (now.sa_flags & SA_SIGINFO)
		return now.sa_sigaction == on_trap ? PRIM_OURS : PRIM_OTHER;
	return now.sa_handler == SIG_DFL ? PRIM_DEFAULT : PRIM_OTHER;
}

bool prim_trap_install(bool (*handler)(const struct prim_trap *trap))
{
	struct sigaction action = {.sa_sigaction = on_trap,
				   .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

	handle = handler;
	sigemptyset(&action.sa_mask);
	return !sigaction(SIGTRAP, &action, NULL);
}
