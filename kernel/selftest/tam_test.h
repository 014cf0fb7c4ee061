/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tamalloc self-tests share: the three system calls, what memory holds
 * and what it costs, and settings of the machine that are put back afterwards.
 */
#ifndef TAM_TEST_H
#define TAM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <linux/tamalloc.h>

#ifndef __NR_tamalloc
#define __NR_tamalloc		551
#define __NR_tamstat		552
#define __NR_tamstat_total	553
#endif

#ifndef MADV_COLLAPSE	/* not in glibc 2.36 */
#define MADV_COLLAPSE		25
#endif

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define MB		(1024UL * 1024UL)
#define HUGE		(2 * MB)

/* Time limits in seconds: for a debug kernel, emulated, on a machine that is busy otherwise. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120
#endif
#define LIMIT_SLOW	240
#define LIMIT_LONG	480

/* The system calls; -1 (MAP_FAILED) and errno on error. */
void *tamalloc(size_t size, unsigned int fill, unsigned int flags);
long tamstat(pid_t pid, unsigned int flags, void *buf, unsigned int count, size_t entry_bytes);
long tamstat_total(void *buf, size_t bytes, unsigned int flags);

/*
 * The bound that the kernel documents: whatever the order in which a mapping's pages are
 * touched, so many more may be committed at most. It is 3 * touched where four blocks of
 * 2 MiB side by side have been made.
 */
#define FAULT_AHEAD_PAGES_MAX(touched)	(2 * (touched) / 3)

/* NULL, or why this kernel cannot run the tests. */
const char *tam_unsupported(void);

/*
 * How often to do what is repeated only to have more chances to go wrong: so many times,
 * or a tenth of it if TAM_SHORT is in the environment (a debug kernel under emulation).
 */
int repeat(int times);

/* Bytes in a page. */
size_t page_bytes(void);

/* The offset of the first byte that is not value; len if there is none. Reads all. */
size_t first_bad(const void *p, size_t len, unsigned char value);

/* One access of one byte, which the compiler neither drops nor repeats. */
static inline unsigned char load_byte(const void *p)
{
	return __atomic_load_n((const unsigned char *)p, __ATOMIC_RELAXED);
}

static inline void store_byte(void *p, unsigned char value)
{
	__atomic_store_n((unsigned char *)p, value, __ATOMIC_RELAXED);
}

/* Read, or write with value, the first byte of every step-th of the pages. */
void read_pages(const void *p, size_t pages, size_t step);
void write_pages(void *p, size_t pages, size_t step, unsigned char value);

/* The linker's: from where to where code and data of the program are. */
extern char __executable_start[], etext[], __data_start[], _end[];

/* The C library's: the upper end of what main() and its callers have on the stack. */
extern void *__libc_stack_end;

/* Make the process's own code, data and stack resident: call it before counting faults or pages. */
void make_own_pages_resident(void);

/* Make this thread's stack resident as far as a test goes down. */
void make_stack_resident(void);

/* Page faults of this process so far, without those of its own code, data and stack. */
long page_faults(void);

/* The sum in KB of a field of smaps ("Anonymous:") over the VMAs that meet [p, p + len). */
long smaps_kb(pid_t pid, const void *p, size_t len, const char *field);

/* The VmFlags line of the VMA at p, in this process, into a static buffer; NULL if none. */
const char *vm_flags_of(const void *p);

/* How many VMAs meet [p, p + len) in this process. */
int vma_count(const void *p, size_t len);

/* A field of a "Name: value kB" file such as /proc/meminfo or /proc/PID/status; -1 if absent. */
long file_kb(const char *path, const char *field);

/* The page's entry in /proc/self/pagemap. */
__u64 pagemap_entry(const void *p);

#define PM_PRESENT	0x8000000000000000ULL
#define PM_SWAP		0x4000000000000000ULL
#define PM_SOFT_DIRTY	0x0080000000000000ULL

/* Whole small files: bytes read (NUL-terminated), or 0; -1 and errno on error. */
ssize_t read_text(const char *path, char *buf, size_t size);
int write_text(const char *path, const char *text);
long read_long(const char *path);

/*
 * Write a setting of the machine (sysctl, sysfs), remembering what it held;
 * -1 and errno if that fails. knobs_restore() puts all back, in the test's
 * process or in its parent. Multiple-choice files ("always [madvise] never")
 * are understood.
 */
int knob_set(const char *path, const char *value);
void knobs_restore(void);

/* Wait for a child: its exit status, or 128 + the signal that ended it. */
int wait_status(pid_t pid);

/* Swap on a zram device of its own; NULL, or why that is not possible. */
const char *zram_swap_on(size_t bytes);
void zram_swap_off(void);

/* A zram device: its number, or -1. */
int zram_add(size_t bytes);
void zram_remove(int id);

/* Every byte of [p, p + len) holds value; says which does not. */
#define EXPECT_FILL(p, len, value) do { \
	const unsigned char *_p = (const void *)(p), _value = (value); \
	size_t _len = (len), _at = first_bad(_p, _len, _value); \
	EXPECT_EQ(_len, _at) { \
		TH_LOG("byte %zu of %zu is %#04x, not %#04x", _at, _len, _p[_at], _value); \
	} \
} while (0)

#endif /* TAM_TEST_H */
