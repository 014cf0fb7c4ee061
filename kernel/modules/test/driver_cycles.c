// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load, reserve, map, touch, fork, unmap, unload under use, all devices each time, CYCLES
 * times (environment; default 1000, fewer where repeat() says so): afterwards as many
 * pages are free and as many slab objects in use as before.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "kselftest_harness.h"
#include "module.h"
#include "tam_test.h"
#include "../tamalloc_driver.h"

#define MODULE	"tamalloc_driver"
#define PAGES	64

static const char *const devices[] = {
	"/dev/tamalloc/kmalloc_memset", "/dev/tamalloc/kzalloc", "/dev/tamalloc/vzalloc",
	"/dev/tamalloc/pages", "/dev/tamalloc/lazy",
};

/* NULL, or the step that went wrong. */
static const char *cycle(void)
{
	struct tamalloc_driver_reserve wish = { .size_bytes = PAGES * page_bytes() };
	unsigned char *p[ARRAY_LEN(devices)];
	int fd[ARRAY_LEN(devices)];
	pid_t child;
	size_t i;

	if (module_load(MODULE))
		return "load";
	for (i = 0; i < ARRAY_LEN(devices); i++) {
		fd[i] = open(devices[i], O_RDWR | O_CLOEXEC);
		if (fd[i] < 0)
			return "open";
		if (ioctl(fd[i], TAMALLOC_DRIVER_RESERVE, &wish))
			return "reserve";
		p[i] = mmap(NULL, wish.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i], 0);
		if (p[i] == MAP_FAILED)
			return "mmap";
		write_pages(p[i], PAGES, 2, 1);
	}
	child = fork();
	if (!child) {
		for (i = 0; i < ARRAY_LEN(devices); i++) {
			write_pages(p[i], PAGES, 3, 1);
			if (first_bad(p[i] + 1, page_bytes() - 1, 0) != page_bytes() - 1)
				_exit(1);
		}
		_exit(0);
	}
	if (wait_status(child))
		return "child";
	for (i = 0; i < ARRAY_LEN(devices); i++)
		close(fd[i]);
	if (module_unload(MODULE) != -EAGAIN)
		return "unload while mapped";
	for (i = 0; i < ARRAY_LEN(devices); i++)
		if (munmap(p[i], wish.size_bytes))
			return "munmap";
	return module_unload(MODULE) ? "unload" : NULL;
}

static const char *cycles(int count)
{
	const char *wrong = NULL;

	for (int i = 0; i < count && !wrong; i++)
		wrong = cycle();
	return wrong;
}

/* Let go of what caches hold back: page cache, and per slab cache also KASAN's quarantine. */
static void settle(void)
{
	char path[300];
	struct dirent *entry;
	DIR *dir = opendir("/sys/kernel/slab");

	write_text("/proc/sys/vm/drop_caches", "3");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", entry->d_name);
		write_text(path, "1");
	}
	if (dir)
		closedir(dir);
	/* RCU callbacks and deferred vfree(); then counts that each CPU holds back */
	sleep(2);
	write_text("/proc/sys/vm/stat_refresh", "1");
}

static char text[1 << 18];

/* Pages in the lists that each CPU keeps of free pages; MemFree leaves them out. */
static long listed_pages(void)
{
	long sum = 0, count;
	char *line;

	if (read_text("/proc/zoneinfo", text, sizeof(text)) <= 0)
		return 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, " count: %ld", &count) == 1)
			sum += count;
	return sum;
}

/* Pages that nobody has, and those that slabs have: slab objects are counted apart. */
static long free_and_slab_pages(void)
{
	long kb = file_kb("/proc/meminfo", "MemFree:") + file_kb("/proc/meminfo", "Slab:");

	return kb * 1024 / page_bytes() + listed_pages();
}

/* Objects in use; 0 where the kernel does not tell (CONFIG_SLUB_DEBUG). */
static long slab_objects(void)
{
	long sum = 0, active;
	char *line;

	if (read_text("/proc/slabinfo", text, sizeof(text)) <= 0)
		return 0;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%*s %ld", &active) == 1)
			sum += active;
	return sum;
}

FIXTURE(cycles) {};
FIXTURE_SETUP(cycles) {}
FIXTURE_TEARDOWN(cycles) {}

#define QUARTERS	4

static long least(const long *of, int count)
{
	long min = of[0];

	for (int i = 1; i < count; i++)
		min = of[i] < min ? of[i] : min;
	return min;
}

/*
 * One page or object leaked by one of the devices shows as one a cycle, in every quarter
 * of them; what else the system takes and gives meanwhile does not take in each.
 */
TEST_F_TIMEOUT(cycles, leave_nothing_behind, 1800)
{
	const char *wanted = getenv("CYCLES"), *wrong;
	const int count = (wanted ? atoi(wanted) : repeat(1000)) / QUARTERS;
	long pages[QUARTERS], objects[QUARTERS];

	if (module_load(MODULE) == -ENOENT || geteuid())
		SKIP(return, "no " MODULE ".ko here, or not root");
	ASSERT_LE(5, count) TH_LOG("CYCLES: at least 20 are needed");
	wrong = cycles(20);
	ASSERT_EQ(NULL, wrong) TH_LOG("first cycles: %s: errno %d", wrong, errno);
	settle();
	for (int q = 0; q < QUARTERS; q++) {
		pages[q] = free_and_slab_pages();
		objects[q] = slab_objects();
		wrong = cycles(count);
		ASSERT_EQ(NULL, wrong) TH_LOG("%s: errno %d", wrong, errno);
		settle();
		pages[q] -= free_and_slab_pages();
		objects[q] = slab_objects() - objects[q];
		TH_LOG("%d cycles: %ld pages less free, %ld slab objects more", count, pages[q],
		       objects[q]);
	}
	/*
	 * KASAN's quarantine and stack records take and give more pages in 25 cycles than a
	 * leak would: pages are judged where it is not, with ten times the cycles.
	 */
	if (repeat(1000) == 1000)
		EXPECT_GT(count / 2, least(pages, QUARTERS));
	/* Without CONFIG_SLUB_DEBUG they are not counted: 0 more. */
	EXPECT_GT(count / 2, least(objects, QUARTERS));
}

TEST_HARNESS_MAIN
