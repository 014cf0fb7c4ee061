// SPDX-License-Identifier: MIT
/* tamstat: texts, order, and what it reads from /proc. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "show.h"

/* ---- texts ---- */

static void sizes_have_at_most_five_characters(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *human, *kb, *mb;
	} cases[] = {
		{0, "0", "0", "0.0"},
		{4096, "4K", "4", "0.0"},
		{1023 << 10, "1023K", "1023", "1.0"},
		{(1024 << 10) - 1, "1.0M", "1023", "1.0"},
		{1024 << 10, "1.0M", "1024", "1.0"},
		{10180000, "9.7M", "9941", "9.7"},
		{10433331, "9.9M", "10188", "9.9"},
		{10433332, "10M", "10188", "10.0"},
		{1ull << 40, "1.0T", "1073741824", "1048576.0"},
		{UINT64_MAX, "16E", "18014398509481983", "17592186044416.0"},
	};
	char text[SIZE_CHARS];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(size_text(cases[i].bytes, UNIT_HUMAN, text), cases[i].human);
		assert_string_equal(size_text(cases[i].bytes, UNIT_KB, text), cases[i].kb);
		assert_string_equal(size_text(cases[i].bytes, UNIT_MB, text), cases[i].mb);
	}
	for (uint64_t bytes = 1; bytes; bytes <<= 1)
		for (int off = -1; off <= 1; off++)
			assert_true(strlen(size_text(bytes + (uint64_t)off, UNIT_HUMAN, text)) <=
					    5 ||
				    bytes + (uint64_t)off == UINT64_MAX);
}

static void a_name_cannot_write_to_the_terminal(void **state)
{
	static const struct {
		const char *name, *shown, *ascii;
	} cases[] = {
		{"plain name", "plain name", "plain name"},
		{"a\nb\tc", "a\\nb\\tc", "a\\nb\\tc"},
		{"\033[31mred", "\\x1b[31mred", "\\x1b[31mred"},
		{"back\\slash\"q", "back\\\\slash\"q", "back\\\\slash\"q"},
		{"na\xc3\xafve", "na\xc3\xafve", "na\\xc3\\xafve"},
		{"cut\xe2\x82", "cut\\xe2\\x82", "cut\\xe2\\x82"},
		{"\xff\x80", "\\xff\\x80", "\\xff\\x80"},
		{"c1\xc2\x9b", "c1\\xc2\\x9b", "c1\\xc2\\x9b"},			 /* CSI in 8 bits */
		{"\xe2\x80\xaetxt", "\\xe2\\x80\\xaetxt", "\\xe2\\x80\\xaetxt"}, /* right to left */
		{"\x7f", "\\x7f", "\\x7f"},
	};
	char out[4 * NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
		assert_string_equal(name_text(cases[i].name, 0, out), cases[i].shown);
		assert_non_null(setlocale(LC_CTYPE, "C"));
		assert_string_equal(name_text(cases[i].name, 0, out), cases[i].ascii);
	}
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_string_equal(name_text("abcdef", 3, out), "abc");
	assert_string_equal(name_text("ab\n", 3, out), "ab"); /* no half of an escape */
	assert_string_equal(name_text("\xe4\xb8\xad\xe4\xb8\xad", 3, out),
			    "\xe4\xb8\xad"); /* wide */
}

static char *json_of(const char *name)
{
	static char text[512];
	FILE *out = fmemopen(text, sizeof(text), "w");

	json_text(out, name);
	fclose(out);
	return text;
}

static void every_name_is_a_json_string(void **state)
{
	(void)state;
	assert_string_equal(json_of("plain"), "\"plain\"");
	assert_string_equal(json_of("q\"b\\"), "\"q\\\"b\\\\\"");
	assert_string_equal(json_of("\n\033\x7f"), "\"\\u000a\\u001b\\u007f\"");
	assert_string_equal(json_of("na\xc3\xafve"), "\"na\xc3\xafve\"");
	assert_string_equal(json_of("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
	assert_string_equal(json_of("cut\xe2\x82"), "\"cut\\ufffd\\ufffd\"");
	assert_string_equal(json_of("\xc0\x80"), "\"\\ufffd\\ufffd\"");		   /* too long */
	assert_string_equal(json_of("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
	assert_string_equal(json_of("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_string_equal(json_of("\xf8"), "\"\\ufffd\"");
}

static void a_narrow_terminal_leaves_columns_out(void **state)
{
	struct process items[] = {{.pid = 4194304,
				   .has_memory = true,
				   .oom_score = 1333,
				   .oom_score_adj = -1000,
				   .name = "fifteen-letters"}};
	struct process_list list = {.items = items, .n = 1};
	char text[1024];

	(void)state;
	for (int s = 0; s < SIZE_COUNT; s++)
		items[0].sizes[s] = 1000ull << 40;
	for (unsigned width = 60; width < 120; width++) {
		struct layout layout = {.width = width};
		FILE *out = fmemopen(text, sizeof(text), "w");

		show_table(out, &list, &layout);
		fclose(out);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= width);
	}
}

/* ---- /proc/PID/status ---- */

static void status_is_parsed(void **state)
{
	static const char text[] =
		"Name:\ta\\nVmSize:\\\\b\nUmask:\t0022\nState:\tS (sleeping)\n"
		"Tgid:\t12\nPid:\t12\nUid:\t1\t1000\t3\t4\nGroups:\t0 1 2 \n"
		"VmPeak:\t 9999 kB\nVmSize:\t 1000 kB\nVmHWM:\t 300 kB\nVmRSS:\t 250 kB\n"
		"RssAnon:\t 100 kB\nRssFile:\t 120 kB\nRssShmem:\t 30 kB\nVmData:\t 1 kB\n"
		"VmPTE:\t 44 kB\nVmSwap:\t 7 kB\nTHP_enabled:\t1\nThreads:\t2\n";
	struct process process = {.pid = 0};
	bool other;

	(void)state;
	assert_true(parse_status(text, &process, &other));
	assert_false(other);
	assert_true(process.has_memory);
	assert_int_equal(process.pid, 12);
	assert_int_equal(process.uid, 1000);
	assert_string_equal(process.name, "a\nVmSize:\\b");
	assert_int_equal(process.sizes[SIZE_RESERVED], 1000 * 1024);
	assert_int_equal(process.sizes[SIZE_PEAK], 300 * 1024);
	assert_int_equal(process.sizes[SIZE_COMMITTED], 250 * 1024);
	assert_int_equal(process.sizes[SIZE_ANON], 100 * 1024);
	assert_int_equal(process.sizes[SIZE_FILE], 120 * 1024);
	assert_int_equal(process.sizes[SIZE_SHMEM], 30 * 1024);
	assert_int_equal(process.sizes[SIZE_PAGE_TABLES], 44 * 1024);
	assert_int_equal(process.sizes[SIZE_SWAP], 7 * 1024);
	assert_true(process_pct(&process) == 25.0);

	process = (struct process){.pid = 0};
	assert_true(parse_status("Name:\tz\nState:\tZ (zombie)\nThreads:\t3\n", &process, &other));
	assert_true(other);
	assert_false(process.has_memory);
	assert_true(process_pct(&process) == 0);
	assert_true(parse_status("Name:\tz\nState:\tZ (zombie)\nThreads:\t1\n", &process, &other));
	assert_false(other);
	assert_false(parse_status("", &process, &other));
	assert_false(parse_status("nonsense", &process, &other));
	assert_false(parse_status("Nam", &process, &other));
}

static void sorted_by_field(void **state)
{
	struct process_list list = {.items = NULL};
	static const char *const names[] = {"b", "a", "c", "a"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct process *process = process_list_add(&list);

		process->pid = 40 - i;
		process->sizes[SIZE_RESERVED] = 100;
		process->sizes[SIZE_COMMITTED] = (uint64_t)(i % 2) * 10;
		process->oom_score_adj = i - 2;
		strcpy(process->name, names[i]);
	}
	process_list_sort(&list, sort_key_find("pid"), false);
	assert_int_equal(list.items[0].pid, 37);
	process_list_sort(&list, sort_key_find("committed"), false);
	assert_int_equal(list.items[0].pid, 37); /* 10, and the lower PID of two */
	assert_int_equal(list.items[1].pid, 39);
	process_list_sort(&list, sort_key_find("pct"), true);
	assert_int_equal(list.items[0].pid, 38); /* equal ones by PID all the same */
	process_list_sort(&list, sort_key_find("name"), false);
	assert_string_equal(list.items[0].name, "a");
	assert_int_equal(list.items[0].pid, 37);
	assert_string_equal(list.items[3].name, "c");
	process_list_sort(&list, sort_key_find("adj"), false);
	assert_int_equal(list.items[0].oom_score_adj, 1);
	process_list_clear(&list);

	assert_null(sort_key_find("nonsense"));
	assert_null(sort_key_find(""));
	for (char *names_left = strdup(sort_key_names()), *word = strtok(names_left, ", "); word;
	     word = strtok(NULL, ", "))
		assert_non_null(sort_key_find(word));
}

/* ---- reading ---- */

/* fork(2); the child does not outlive its parent, not even one that ends before it runs. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static pid_t idle(void)
{
	pid_t pid = fork_bound();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const struct process *found(const struct process_list *list, pid_t pid)
{
	const struct process *result = NULL;

	for (size_t i = 0; i < list->n; i++) {
		if (i)
			assert_true(list->items[i - 1].pid < list->items[i].pid);
		if (list->items[i].pid == pid)
			result = &list->items[i];
	}
	return result;
}

static void one_process(void **state)
{
	const size_t bytes = 8 << 20;
	struct process before, after;
	pid_t child;
	char *memory;

	(void)state;
	assert_int_equal(source_proc.open(false), 0);
	assert_int_equal(source_proc.read_one(getpid(), &before), 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	memset(memory, 1, bytes / 2);
	assert_int_equal(source_proc.read_one(getpid(), &after), 0);
	assert_int_equal(after.sizes[SIZE_RESERVED] - before.sizes[SIZE_RESERVED], bytes);
	assert_in_range(after.sizes[SIZE_ANON] - before.sizes[SIZE_ANON], bytes / 2,
			bytes / 2 + (1 << 20));
	assert_int_equal(after.sizes[SIZE_COMMITTED],
			 after.sizes[SIZE_ANON] + after.sizes[SIZE_FILE] + after.sizes[SIZE_SHMEM]);
	assert_int_equal(after.uid, geteuid());
	munmap(memory, bytes);

	child = idle();
	assert_int_equal(source_proc.read_one(child, &after), 0);
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){.si_pid = 0}, WEXITED | WNOWAIT),
			 0);
	assert_int_equal(source_proc.read_one(child, &after), 0); /* a zombie */
	assert_false(after.has_memory);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(source_proc.read_one(child, &after), -ESRCH);
	source_proc.close();
}

static void *wait_forever(void *tid)
{
	*(volatile pid_t *)tid = gettid();
	for (;;)
		pause();
	return NULL;
}

static void *end_leader(void *pipe_fd)
{
	prctl(PR_SET_NAME, "other");
	usleep(100000); /* the leader is gone: it ends at once */
	if (write(*(int *)pipe_fd, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static void a_thread_is_no_process_and_a_leader_may_end(void **state)
{
	volatile pid_t tid = 0;
	struct process process;
	pthread_t thread;
	int fds[2];
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(source_proc.open(false), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_forever, (void *)&tid), 0);
	while (!tid)
		usleep(1000);
	assert_int_equal(source_proc.read_one(tid, &process), -ESRCH);
	pthread_cancel(thread);
	pthread_join(thread, NULL);

	assert_int_equal(pipe(fds), 0);
	child = fork_bound();
	if (child == 0) {
		prctl(PR_SET_NAME, "leader");
		if (pthread_create(&thread, NULL, end_leader, &fds[1]))
			_exit(1);
		pthread_exit(NULL);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(source_proc.read_one(child, &process), 0);
	assert_true(process.has_memory);
	assert_true(process.sizes[SIZE_COMMITTED] > 0);
	assert_string_equal(process.name, "leader");
	end(child);
	close(fds[0]);
	close(fds[1]);
	source_proc.close();
}

static unsigned open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static void kept_files_are_those_of_living_processes(void **state)
{
	struct process_list list = {.items = NULL};
	pid_t children[20];
	unsigned before = open_fds(), with, without;

	(void)state;
	assert_int_equal(source_proc.open(true), 0);
	for (int i = 0; i < 20; i++)
		children[i] = idle();
	assert_int_equal(source_proc.read_all(&list), 0);
	assert_int_equal(source_proc.read_all(&list), 0);
	with = open_fds();
	assert_true(with >= before + 60);
	for (int i = 0; i < 20; i++) {
		assert_non_null(found(&list, children[i]));
		end(children[i]);
	}
	assert_int_equal(source_proc.read_all(&list), 0);
	without = open_fds();
	assert_true(without + 40 <= with); /* other programs come and go meanwhile */
	for (int i = 0; i < 20; i++)
		assert_null(found(&list, children[i]));
	source_proc.close();
	assert_int_equal(open_fds(), before);
	process_list_clear(&list);
}

/* A new process with the PID of one that has ended; 0 where that cannot be had. */
static pid_t successor(pid_t pid)
{
	for (int attempt = 0; attempt < 20; attempt++) {
		FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
		pid_t child;

		if (!last)
			return 0;
		fprintf(last, "%d", (int)pid - 1);
		if (fclose(last))
			return 0;
		child = idle();
		if (child == pid)
			return child;
		end(child);
	}
	return 0;
}

static void a_pid_that_is_used_again_is_another_process(void **state)
{
	struct process_list list = {.items = NULL};
	pid_t child = idle();

	(void)state;
	assert_int_equal(source_proc.open(true), 0);
	assert_int_equal(source_proc.read_all(&list), 0);
	end(child);
	child = successor(child);
	if (child) {
		assert_int_equal(source_proc.read_all(&list), 0);
		assert_non_null(found(&list, child));
		end(child);
	}
	source_proc.close();
	process_list_clear(&list);
	if (!child)
		skip();
}

static void few_descriptors_are_enough(void **state)
{
	struct process_list list = {.items = NULL};
	pid_t children[40], child = fork();
	int status;

	(void)state;
	if (child == 0) { /* its limits cannot be raised again */
		const struct rlimit limit = {90, 90};
		bool right = true;

		setrlimit(RLIMIT_NOFILE, &limit);
		if (!geteuid() && setresuid(65534, 65534, 65534)) /* root may raise it */
			_exit(3);
		if (source_proc.open(true))
			_exit(1);
		for (int i = 0; i < 40; i++)
			children[i] = idle();
		for (int round = 0; round < 3; round++)
			right = right && !source_proc.read_all(&list);
		for (int i = 0; i < 40; i++)
			right = right && found(&list, children[i]);
		_exit(right ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int sharer(void *parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != *(pid_t *)parent)
		_exit(1);
	for (;;)
		pause();
	return 0;
}

/* Twice as much as the machine is likely to gain or lose meanwhile. */
#define SHARED_BYTES (64ull << 30)

static void a_shared_address_space_counts_once(void **state)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct total before, after;
	void *memory;
	pid_t parent = getpid(), child;

	(void)state;
	assert_int_equal(source_proc.open(false), 0);
	memory = mmap(NULL, SHARED_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(source_proc.read_total(&before), 0);
	child = clone(sharer, stack + sizeof(stack), CLONE_VM | SIGCHLD, &parent);
	assert_true(child > 0);
	assert_int_equal(source_proc.read_total(&after), 0);
	end(child);
	munmap(memory, SHARED_BYTES);
	source_proc.close();
	if (after.address_spaces == COUNT_UNKNOWN)
		skip(); /* kcmp is refused */
	assert_true(after.sizes[SIZE_RESERVED] < before.sizes[SIZE_RESERVED] + SHARED_BYTES / 2);
}

static void right_beside_a_fork_storm(void **state)
{
	struct process_list list = {.items = NULL};
	pid_t children[10], storm;

	(void)state;
	for (int i = 0; i < 10; i++)
		children[i] = idle();
	storm = fork_bound();
	if (storm == 0) {
		for (;;) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
	}
	for (int keep = 0; keep <= 1; keep++) {
		assert_int_equal(source_proc.open(keep), 0);
		for (int round = 0; round < 30; round++) {
			assert_int_equal(source_proc.read_all(&list), 0);
			for (int i = 0; i < 10; i++)
				assert_non_null(found(&list, children[i]));
		}
		source_proc.close();
	}
	end(storm);
	for (int i = 0; i < 10; i++)
		end(children[i]);
	process_list_clear(&list);
}

/* For each read of source_proc, a process begins: this stands before the C library's pread. */
static pid_t begun[100];
static size_t n_begun, to_begin;

ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	if (n_begun < to_begin)
		begun[n_begun++] = idle();
	return syscall(SYS_pread64, fd, buffer, bytes, offset);
}

/* More than one getdents(2) lists: 32 KiB of 24 bytes each. */
#define MANY 1500

static void those_that_begin_meanwhile_do_not_lead_it_on(void **state)
{
	struct process_list list = {.items = NULL};
	static pid_t many[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		many[i] = idle();
	assert_int_equal(source_proc.open(false), 0);
	to_begin = sizeof(begun) / sizeof(*begun);
	assert_int_equal(source_proc.read_all(&list), 0);
	to_begin = 0;
	assert_true(n_begun > 0);
	for (size_t i = 0; i < n_begun; i++) {
		assert_null(found(&list, begun[i]));
		end(begun[i]);
	}
	for (int i = 0; i < MANY; i++)
		end(many[i]);
	source_proc.close();
	process_list_clear(&list);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_at_most_five_characters),
		cmocka_unit_test(a_name_cannot_write_to_the_terminal),
		cmocka_unit_test(every_name_is_a_json_string),
		cmocka_unit_test(a_narrow_terminal_leaves_columns_out),
		cmocka_unit_test(status_is_parsed),
		cmocka_unit_test(sorted_by_field),
		cmocka_unit_test(one_process),
		cmocka_unit_test(a_thread_is_no_process_and_a_leader_may_end),
		cmocka_unit_test(kept_files_are_those_of_living_processes),
		cmocka_unit_test(a_pid_that_is_used_again_is_another_process),
		cmocka_unit_test(few_descriptors_are_enough),
		cmocka_unit_test(a_shared_address_space_counts_once),
		cmocka_unit_test(right_beside_a_fork_storm),
		cmocka_unit_test(those_that_begin_meanwhile_do_not_lead_it_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
