// SPDX-License-Identifier: MIT
/*
 * Each subject does what its name says: proved by the page faults and the committed memory that
 * taworker reports, as this compiler built it. Transparent huge pages are off for these workers
 * (--no-thp).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"
#include "workload.h"

#define PAGE_BYTES   4096ull
#define DENSE_BYTES  (64ull << 20)
#define DENSE_PAGES  (DENSE_BYTES / PAGE_BYTES)
#define SPARSE_BYTES (256ull << 20)
#define SLACK	     8 /* faults of the C library's and the kernel's own */

#ifdef __SANITIZE_ADDRESS__
#define SANITISED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITISED true
#endif
#endif
#ifndef SANITISED
#define SANITISED false
#endif

static struct record record;
static const char *threads = "1"; /* of the workers */

/* perf_event_open fails with EACCES from here on, as a container or a paranoid kernel would have
 * it. */
static void refuse_perf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(126);
}

static void run_worker(const char *subject, const char *workload, unsigned long long size_bytes,
		       const char *fill, bool perf_refused)
{
	char size_text[32], fd_text[16];
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	snprintf(size_text, sizeof(size_text), "%llu", size_bytes);
	snprintf(fd_text, sizeof(fd_text), "%d", ends[1]);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (perf_refused)
			refuse_perf();
		execl(BUILD_DIR "/taworker", "taworker", "--subject", subject, "--workload",
		      workload, "--size", size_text, "--fill", fill, "--threads", threads,
		      "--record-fd", fd_text, "--no-thp", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	memset(&record, 0, sizeof(record));
	assert_int_equal(read(ends[0], &record, sizeof(record)), sizeof(record));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(record.magic, RECORD_MAGIC);
	if (record.outcome != RECORD_OK)
		fail_msg("%s: %s", subject, record.reason);
	assert_int_equal(record.verified, 1);
}

static const char *source_of_faults(void)
{
	unsigned i = 0;

	for (const struct probe *p = probe_first(); p; p = p->next, i++)
		if (!strcmp(p->name, "faults"))
			return record.probe_source[i];
	return "";
}

static uint64_t field(const uint64_t *values, const char *name)
{
	int index = probe_field_index(name);

	assert_true(index >= 0);
	assert_true(values[index] != PROBE_UNKNOWN);
	return values[index];
}

static uint64_t faults(enum phase phase)
{
	const uint64_t *values = record.phases[phase].values;

	return field(values, "minor_faults") + field(values, "major_faults");
}

static uint64_t committed_bytes(void)
{
	return field(record.settled, "anon_bytes") + field(record.settled, "swap_bytes") +
	       field(record.settled, "hugetlb_bytes");
}

static void expect_between(const char *what, uint64_t value, uint64_t min, uint64_t max)
{
	if (value < min || value > max)
		fail_msg("%s is %llu, not from %llu to %llu", what, (unsigned long long)value,
			 (unsigned long long)min, (unsigned long long)max);
}

/* A sanitiser's malloc is not glibc's. */
static void skip_glibc_when_sanitised(const char *subject)
{
	if (SANITISED && !strncmp(subject, "glibc/", 6))
		skip();
}

static void expect_lazy(const char *subject, bool perf_refused)
{
	skip_glibc_when_sanitised(subject);
	run_worker(subject, "dense-up", DENSE_BYTES, "0", perf_refused);
	expect_between("faults in alloc", faults(PHASE_ALLOC), 0, SLACK);
	/* glibc writes its header into the block's first page, so that this one faults in alloc. */
	expect_between("faults in touch", faults(PHASE_TOUCH),
		       DENSE_PAGES - !strncmp(subject, "glibc/", 6), DENSE_PAGES + SLACK);
	assert_true(faults(PHASE_ALLOC) + faults(PHASE_TOUCH) >= DENSE_PAGES);
	expect_between("faults in free", faults(PHASE_FREE), 0, SLACK);
	expect_between("committed", committed_bytes(), DENSE_BYTES,
		       DENSE_BYTES + SLACK * PAGE_BYTES);
}

static void mmap_faults_in_touch(void **state)
{
	(void)state;
	expect_lazy("mmap", false);
}

static void mmap_noreserve_faults_in_touch(void **state)
{
	(void)state;
	expect_lazy("mmap/noreserve", false);
}

static void calloc_faults_in_touch(void **state)
{
	(void)state;
	expect_lazy("glibc/calloc", false);
}

static void counts_hold_where_perf_is_refused(void **state)
{
	(void)state;
	expect_lazy("mmap", true);
	assert_string_equal(source_of_faults(), "getrusage: perf refused (Permission denied)");
}

static void expect_eager(const char *subject, const char *fill)
{
	skip_glibc_when_sanitised(subject);
	run_worker(subject, "dense-up", DENSE_BYTES, fill, false);
	expect_between("faults in alloc", faults(PHASE_ALLOC), DENSE_PAGES, DENSE_PAGES + SLACK);
	expect_between("faults in touch", faults(PHASE_TOUCH), 0, SLACK);
}

static void malloc_memset_faults_in_alloc(void **state)
{
	(void)state;
	expect_eager("glibc/malloc+memset", "0");
	expect_eager("glibc/malloc+memset", "171");
}

static void another_fill_of_mmap_is_eager(void **state)
{
	(void)state;
	if (SANITISED) /* its memset reads shadow memory */
		skip();
	expect_eager("mmap", "171");
}

static void populate_does_not_fault_in_touch(void **state)
{
	(void)state;
	run_worker("mmap/populate", "dense-up", DENSE_BYTES, "0", false);
	expect_between("faults in touch", faults(PHASE_TOUCH), 0, SLACK);
	expect_between("committed", committed_bytes(), DENSE_BYTES,
		       DENSE_BYTES + SLACK * PAGE_BYTES);
}

static void null_does_not_fault(void **state)
{
	(void)state;
	run_worker("null", "shuffled", DENSE_BYTES, "0", false);
	expect_between("faults in alloc", faults(PHASE_ALLOC), 0, SLACK);
	expect_between("faults in touch", faults(PHASE_TOUCH), 0, SLACK);
	expect_between("committed", committed_bytes(), 0, SLACK * PAGE_BYTES);
}

static void sparse_commits_what_it_touches(void **state)
{
	static const char *const lazy[] = {"mmap", "mmap/noreserve", "glibc/calloc"};
	uint64_t touched_bytes;

	(void)state;
	for (unsigned i = 0; i < (SANITISED ? 2 : 3); i++) {
		run_worker(lazy[i], "sparse-1pct", SPARSE_BYTES, "0", false);
		touched_bytes = record.touched_pages * PAGE_BYTES;
		assert_int_equal(record.touched_pages, SPARSE_BYTES / PAGE_BYTES / 100);
		expect_between("committed", committed_bytes(), touched_bytes,
			       touched_bytes * 105 / 100);
	}
}

static void sparse_on_malloc_memset_commits_all(void **state)
{
	(void)state;
	skip_glibc_when_sanitised("glibc/malloc+memset");
	run_worker("glibc/malloc+memset", "sparse-1pct", SPARSE_BYTES, "0", false);
	expect_between("committed", committed_bytes(), SPARSE_BYTES,
		       SPARSE_BYTES + SLACK * PAGE_BYTES);
}

static void reading_lazy_memory_commits_nothing(void **state)
{
	static const char *const lazy[] = {"mmap", "mmap/noreserve", "glibc/calloc"};

	(void)state;
	for (unsigned i = 0; i < (SANITISED ? 2 : 3); i++) {
		run_worker(lazy[i], "read-dense", DENSE_BYTES, "0", false);
		expect_between("committed", committed_bytes(), 0, SLACK * PAGE_BYTES);
		expect_between("faults in touch", faults(PHASE_TOUCH), DENSE_PAGES - 1,
			       DENSE_PAGES + SLACK);
	}
}

/* Each touched page once, and nothing else is committed. */
static void expect_one_fault_a_page(const char *workload, uint64_t pages)
{
	run_worker("mmap", workload, DENSE_BYTES, "0", false);
	assert_int_equal(record.touched_pages, pages);
	expect_between("faults in alloc", faults(PHASE_ALLOC), 0, SLACK);
	expect_between("faults in touch", faults(PHASE_TOUCH), pages, pages + SLACK);
	/* A sanitiser gives memory of its own back. */
	expect_between("committed", committed_bytes(),
		       pages * PAGE_BYTES - (SANITISED ? 1 << 20 : 0),
		       (pages + SLACK) * PAGE_BYTES);
}

static void each_order_faults_once_a_page(void **state)
{
	(void)state;
	expect_one_fault_a_page("dense-down", DENSE_PAGES);
	expect_one_fault_a_page("two-streams", DENSE_PAGES);
	expect_one_fault_a_page("stride-4", DENSE_PAGES / 4);
	expect_one_fault_a_page("stride-64", DENSE_PAGES / 64);
	expect_one_fault_a_page("chunks-1m", DENSE_PAGES / 4);
	expect_one_fault_a_page("threads", DENSE_PAGES);
	threads = "3";
	expect_one_fault_a_page("threads", DENSE_PAGES);
	threads = "1";
}

static void reading_sparsely_commits_nothing(void **state)
{
	(void)state;
	run_worker("mmap", "read-sparse", DENSE_BYTES, "0", false);
	expect_between("faults in touch", faults(PHASE_TOUCH), DENSE_PAGES / 100,
		       DENSE_PAGES / 100 + SLACK);
	expect_between("committed", committed_bytes(), 0, SLACK * PAGE_BYTES);
}

static void reading_before_writing_faults_twice(void **state)
{
	(void)state;
	run_worker("mmap", "read-then-write", DENSE_BYTES, "0", false);
	expect_between("faults in touch", faults(PHASE_TOUCH), 2 * DENSE_PAGES,
		       2 * DENSE_PAGES + SLACK);
	expect_between("committed", committed_bytes(), DENSE_BYTES,
		       DENSE_BYTES + SLACK * PAGE_BYTES);
	run_worker("mmap/populate", "read-then-write", DENSE_BYTES, "0", false);
	expect_between("faults in touch", faults(PHASE_TOUCH), 0, SLACK);
}

static void a_recycled_mapping_is_a_fresh_one(void **state)
{
	(void)state;
	expect_one_fault_a_page("recycle", DENSE_PAGES);
	assert_int_equal(record.reserved_bytes, DENSE_BYTES); /* the first is given back */
}

static void reuse_does_not_fault(void **state)
{
	(void)state;
	expect_one_fault_a_page("reuse", DENSE_PAGES);
	assert_int_equal(record.phases[PHASE_REUSE].present, 1);
	expect_between("faults in reuse", faults(PHASE_REUSE), 0, SLACK);
	assert_int_equal(record.operations, 8 * DENSE_PAGES);
}

/* Half, then each page in the child, then each in the parent: copied, fresh, made writable again.
 */
static void a_fork_copies_what_is_written(void **state)
{
	(void)state;
	run_worker("mmap", "fork", DENSE_BYTES, "0", false);
	expect_between("faults in touch", faults(PHASE_TOUCH), DENSE_PAGES * 5 / 2,
		       DENSE_PAGES * 5 / 2 + 64); /* the child's stack and data, too */
	expect_between("committed", committed_bytes(), DENSE_BYTES,
		       DENSE_BYTES + 4 * SLACK * PAGE_BYTES);
}

/* On a lazy subject an application commits what it writes, on an eager one everything. */
static void applications_commit_what_they_write(void **state)
{
	/* A sanitiser's look-ups fault, too. */
	uint64_t slack = SANITISED ? DENSE_PAGES : SLACK;
	unsigned workloads = 0;

	(void)state;
	for (const struct workload *w = workload_first(); w; w = w->next) {
		uint64_t touched_bytes;

		if (!w->computes)
			continue;
		workloads++;
		run_worker("mmap", w->name, DENSE_BYTES, "0", false);
		touched_bytes = record.touched_pages * PAGE_BYTES;
		print_message("# %s: %llu of %llu pages touched, %llu committed\n", w->name,
			      (unsigned long long)record.touched_pages,
			      (unsigned long long)DENSE_PAGES,
			      (unsigned long long)(committed_bytes() / PAGE_BYTES));
		expect_between("committed", committed_bytes(), DENSE_BYTES / 100,
			       touched_bytes + SLACK * PAGE_BYTES);
		expect_between("faults in touch", faults(PHASE_TOUCH), record.touched_pages,
			       2 * record.touched_pages + slack);
		run_worker("mmap/populate", w->name, DENSE_BYTES, "0", false);
		expect_between("committed", committed_bytes(), DENSE_BYTES,
			       DENSE_BYTES + SLACK * PAGE_BYTES);
		expect_between("faults in touch", faults(PHASE_TOUCH), 0, slack);
	}
	assert_int_equal(workloads, 5);
}

static void peak_and_residue_are_this_workers(void **state)
{
	uint64_t resident_kernel_slack =
		64ull * PAGE_BYTES * (uint64_t)sysconf(_SC_NPROCESSORS_CONF);

	(void)state;
	run_worker("mmap", "dense-up", DENSE_BYTES, "0", false);
	expect_between("peak", field(record.settled, "peak_rss_bytes"),
		       DENSE_BYTES - resident_kernel_slack,
		       DENSE_BYTES + record.baseline_rss_bytes + resident_kernel_slack);
	assert_true((int64_t)record.rss_after_free_bytes < (int64_t)resident_kernel_slack);
	expect_between("page tables", field(record.settled, "page_table_bytes"), DENSE_BYTES / 512,
		       DENSE_BYTES / 512 + 4 * PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmap_faults_in_touch),
		cmocka_unit_test(mmap_noreserve_faults_in_touch),
		cmocka_unit_test(calloc_faults_in_touch),
		cmocka_unit_test(counts_hold_where_perf_is_refused),
		cmocka_unit_test(malloc_memset_faults_in_alloc),
		cmocka_unit_test(another_fill_of_mmap_is_eager),
		cmocka_unit_test(populate_does_not_fault_in_touch),
		cmocka_unit_test(null_does_not_fault),
		cmocka_unit_test(sparse_commits_what_it_touches),
		cmocka_unit_test(sparse_on_malloc_memset_commits_all),
		cmocka_unit_test(reading_lazy_memory_commits_nothing),
		cmocka_unit_test(each_order_faults_once_a_page),
		cmocka_unit_test(reading_sparsely_commits_nothing),
		cmocka_unit_test(reading_before_writing_faults_twice),
		cmocka_unit_test(a_recycled_mapping_is_a_fresh_one),
		cmocka_unit_test(reuse_does_not_fault),
		cmocka_unit_test(a_fork_copies_what_is_written),
		cmocka_unit_test(applications_commit_what_they_write),
		cmocka_unit_test(peak_and_residue_are_this_workers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
