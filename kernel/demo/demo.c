// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo: reserves memory, reads it byte by byte checking the fill, writes random values, frees it,
 * and shows at each megabyte what that cost. See --help.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/tamalloc.h>

#ifndef __NR_tamalloc
#define __NR_tamalloc	551
#define __NR_tamstat	552
#endif

#define MB		(1024UL * 1024)
#define MB_MAX		(1UL << 28)	/* 256 TiB: more than an address space of 47 bits */
#define FILL_DEFAULT	171		/* where untouched pages can have a fill of their own */

struct options {
	unsigned long mb;
	int fill;		/* -1: FILL_DEFAULT with tamalloc, else 0 */
	bool mmap_only;
	bool wait;
};

/* Of this process. */
struct usage {
	long reserved_kb;
	long committed_kb;
	long faults;
};

static struct usage at_start;

static void fail(const char *what)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "demo: %s '%s'; 'demo --help' lists the options\n", what, value);
	exit(2);
}

/* The value of a "Name: value kB" line of /proc/self/status. */
static long status_kb(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

/* By tamstat(2), or from /proc/self/status where the kernel has none. */
static struct usage usage_now(void)
{
	static char text[8192];
	struct usage now = { -1, -1, 0 };
	struct rusage rusage;
	struct tamstat st;
	FILE *status;

	if (syscall(__NR_tamstat, 0, 0, &st, 1, sizeof(st)) == 1) {
		now.reserved_kb = st.reserved_bytes / 1024;
		now.committed_kb = st.committed_bytes / 1024;
	} else {
		status = fopen("/proc/self/status", "r");
		if (!status)
			fail("/proc/self/status");
		text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
		fclose(status);
		now.reserved_kb = status_kb(text, "\nVmSize:");
		now.committed_kb = status_kb(text, "\nVmRSS:");
	}
	getrusage(RUSAGE_SELF, &rusage);
	now.faults = rusage.ru_minflt + rusage.ru_majflt;
	return now;
}

/* A line with what has been added since the start. */
static void show(const char *step, unsigned long mb)
{
	struct usage now = usage_now();
	char text[32];

	if (mb)
		snprintf(text, sizeof(text), "%s MB %lu", step, mb);
	printf("%-16s reserved %9ld KB   committed %9ld KB   faults %7ld\n", mb ? text : step,
	       now.reserved_kb - at_start.reserved_kb, now.committed_kb - at_start.committed_kb,
	       now.faults - at_start.faults);
}

/* Give an observer time: go on at a line from standard input. */
static void wait_if_wanted(const struct options *options, const char *step)
{
	if (!options->wait)
		return;
	printf("waiting: %s\n", step);
	fflush(stdout);
	while (getchar() != '\n' && !feof(stdin))
		;
}

/* Reserve the memory with what the kernel has, and say what that is. */
static unsigned char *reserve(const struct options *options, int *fill)
{
	size_t bytes = options->mb * MB;
	unsigned char *p = MAP_FAILED;

	*fill = options->fill < 0 ? FILL_DEFAULT : options->fill;
	errno = ENOSYS;
	if (!options->mmap_only)
		p = (unsigned char *)syscall(__NR_tamalloc, bytes, *fill,
					     TAMALLOC_SINGLE);
	if (p != MAP_FAILED) {
		printf("tamalloc(%zu, %d, TAMALLOC_SINGLE): each page is filled on its first access\n", bytes,
		       *fill);
		return p;
	}
	if (errno != ENOSYS)
		fail("tamalloc");

	*fill = options->fill < 0 ? 0 : options->fill;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		fail("mmap");
	printf("mmap(%zu)%s: %s\n", bytes,
	       options->mmap_only ? "" : ", for this kernel has no tamalloc",
	       *fill ? "the fill is written by memset at once" :
		       "pages read as 0 and come when they are written");
	if (*fill)
		memset(p, *fill, bytes);
	return p;
}

static void check_fill(const unsigned char *p, unsigned long mb, int fill)
{
	const volatile unsigned char *byte = p;

	for (unsigned long m = 0; m < mb; m++) {
		for (size_t i = m * MB; i < (m + 1) * MB; i++)
			if (byte[i] != fill) {
				fprintf(stderr, "demo: byte %zu is %d, not %d\n", i, byte[i], fill);
				exit(1);
			}
		show("read", m + 1);
	}
}

static void write_random_values(unsigned char *p, unsigned long mb)
{
	uint64_t state = 0x9e3779b97f4a7c15, written = 0, found = 0;
	volatile unsigned char *byte = p;

	for (unsigned long m = 0; m < mb; m++) {
		for (size_t i = m * MB; i < (m + 1) * MB; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			byte[i] = state;
			written += (unsigned char)state;
		}
		show("write", m + 1);
	}
	for (size_t i = 0; i < mb * MB; i++)
		found += byte[i];
	if (found != written) {
		fprintf(stderr, "demo: what was written does not read back\n");
		exit(1);
	}
}

static void run(const struct options *options)
{
	unsigned char *p;
	int fill;

	usage_now();		/* what reading it commits comes before the start */
	printf("PID %d\n", getpid());
	at_start = usage_now();
	p = reserve(options, &fill);
	printf("address %p, %lu MB, every byte reads as %d\n", (void *)p, options->mb, fill);
	show("reserved", 0);
	wait_if_wanted(options, "reserved");

	check_fill(p, options->mb, fill);
	printf("every byte is %d\n", fill);
	wait_if_wanted(options, "read");

	write_random_values(p, options->mb);
	printf("random values written and read back\n");
	wait_if_wanted(options, "written");

	if (munmap(p, options->mb * MB))
		fail("munmap");
	show("freed", 0);
	wait_if_wanted(options, "freed");
}

static unsigned long number(const char *name, const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = text ? strtoul(text, &end, 10) : 0;
	if (!text || errno || end == text || *end || *text == '-' || value > max) {
		fprintf(stderr, "demo: %s '%s': a number up to %lu is needed\n", name,
			text ? text : "", max);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	struct options options = { .mb = 10, .fill = -1 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--mb")) {
			options.mb = number("--mb", argv[++i], MB_MAX);
			if (!options.mb)
				usage_error("--mb must be at least 1, not", argv[i]);
		} else if (!strcmp(argv[i], "--fill")) {
			options.fill = number("--fill", argv[++i], UCHAR_MAX);
		} else if (!strcmp(argv[i], "--mmap")) {
			options.mmap_only = true;
		} else if (!strcmp(argv[i], "--wait")) {
			options.wait = true;
		} else if (!strcmp(argv[i], "--help")) {
			puts("demo [--mb N] [--fill BYTE] [--mmap] [--wait]\n"
			     "Reserves N MB (10), reads every byte and checks the fill, writes random\n"
			     "values, frees it; a line for each MB: what reserved and committed memory\n"
			     "and page faults have grown by.\n"
			     "  --mmap  not tamalloc, even if this kernel has it\n"
			     "  --wait  after each step, wait for a line on standard input");
			return 0;
		} else {
			usage_error("unknown option", argv[i]);
		}
	}
	run(&options);
	return 0;
}
