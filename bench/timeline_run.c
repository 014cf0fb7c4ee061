// SPDX-License-Identifier: MIT
/* The timelines of a run: every subject, sampled and exact. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knobs.h"
#include "slug.h"
#include "subject.h"
#include "timeline.h"

#define WAIT_MS		   "40"	   /* between two steps of the worker */
#define EXACT_GAP_NS	   100000u /* changes closer than that become one line */
#define DEFAULT_TIMEOUT_NS (60ull * 1000000000ull)

static const char *outcome_name(enum timeline_outcome outcome)
{
	static const char *const names[] = {"ok", "unsupported", "failed"};

	return names[outcome];
}

static void put_known(FILE *file, uint64_t value, char end)
{
	if (value != TIMELINE_UNKNOWN)
		fprintf(file, "%" PRIu64, value);
	putc(end, file);
}

static void put_quoted(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', file);
		putc(*text == '\n' ? ' ' : *text, file);
	}
	putc('"', file);
}

static int write_csv_file(const char *path, const struct timeline *t)
{
	FILE *file = fopen(path, "we");
	int error;

	if (!file)
		return -errno;
	error = timeline_write_csv(file, t, t->exact ? EXACT_GAP_NS : 0);
	if (fclose(file) && !error)
		error = -errno;
	return error;
}

/* The worker's exit status says that it reported; its last mark says that it came to the end. */
static void judge(struct timeline *t)
{
	const char *last = t->n_marks ? t->marks[t->n_marks - 1].name : "none";

	if (t->outcome != TIMELINE_OK)
		return;
	if (t->exit_status != 0 || strcmp(last, "end") != 0) {
		t->outcome = TIMELINE_FAILED;
		snprintf(t->reason, sizeof(t->reason),
			 "the worker ended with exit status %d after the mark '%s', before 'end'",
			 t->exit_status, last);
	} else if (t->exact && t->lost_records != 0) {
		t->outcome = TIMELINE_FAILED;
		snprintf(t->reason, sizeof(t->reason), "%" PRIu64 " tracepoint records were lost",
			 t->lost_records);
	} else if (t->exact && t->smaps_checks == 0) {
		t->outcome = TIMELINE_FAILED;
		snprintf(t->reason, sizeof(t->reason),
			 "the worker stood still at no mark: the total was not held against smaps");
	} else if (t->exact && t->smaps_differences != 0) {
		t->outcome = TIMELINE_FAILED;
		snprintf(t->reason, sizeof(t->reason),
			 "the total differed from smaps at %u of %u marks", t->smaps_differences,
			 t->smaps_checks);
	}
}

/* One subject in one mode: runs, writes its CSV and its line of the index. 0 or -errno of the
 * files. */
static int one(const struct timeline_run *run, const struct allocator *subject, bool exact,
	       int null_fd, FILE *index, struct timeline *t)
{
	char size[24], fill[8], marks_fd[8], name[128], csv[160], path[PATH_MAX], program[PATH_MAX];
	char *argv[] = {program,
			"--subject",
			(char *)subject->name,
			"--workload",
			"timeline",
			"--size",
			size,
			"--fill",
			fill,
			"--marks-fd",
			marks_fd,
			"--wait-ms",
			WAIT_MS,
			subject->preload ? "--preload" : NULL,
			(char *)subject->preload,
			NULL};
	struct timeline_options options = {
		.argv = argv,
		.preload = subject->preload,
		.exact = exact,
		.timeout_ns = run->timeout_ns ? run->timeout_ns : DEFAULT_TIMEOUT_NS,
		.stdout_fd = null_fd,
		.interrupt = run->interrupt,
	};
	int error = 0;

	subject_program(subject, run->worker, program);
	snprintf(size, sizeof(size), "%" PRIu64, run->size_bytes);
	snprintf(fill, sizeof(fill), "%u", run->fill);
	snprintf(marks_fd, sizeof(marks_fd), "%d", TIMELINE_MARKS_FD);
	snprintf(csv, sizeof(csv), "%s%s.csv", slug(subject->name, name, sizeof(name)),
		 exact ? "-exact" : "");
	snprintf(path, sizeof(path), "%s/timeline/%s", run->run_dir, csv);

	error = knobs_set(subject, run->size_bytes);
	if (error) {
		*t = (struct timeline){.outcome = TIMELINE_FAILED};
		snprintf(t->reason, sizeof(t->reason),
			 "the huge pages that it needs cannot be set: %s", strerror(-error));
		error = 0;
	} else {
		timeline_record(&options, t);
		judge(t);
	}
	if (t->n_rows > 0)
		error = write_csv_file(path, t);
	fprintf(index, "%s,%s,%s,", subject->name, exact ? "exact" : "sampled",
		outcome_name(t->outcome));
	put_quoted(index, t->reason);
	fprintf(index, ",%s,%zu,%" PRIu64 ",", t->n_rows > 0 ? csv : "", t->n_rows,
		t->missed_ticks);
	put_known(index, exact ? t->lost_records : TIMELINE_UNKNOWN, ',');
	put_known(index, t->final_bytes, ',');
	put_known(index, t->smaps_bytes, '\n');
	if (fflush(index) && !error)
		error = -errno;
	return error;
}

static bool interrupted(const struct timeline_run *run)
{
	return run->interrupt && *run->interrupt;
}

int timeline_run_all(const struct timeline_run *run)
{
	char path[PATH_MAX], done_path[PATH_MAX];
	bool exact_refused = false;
	int null_fd, failed = 0, error = 0;
	FILE *index;

	snprintf(path, sizeof(path), "%s/timeline", run->run_dir);
	if (mkdir(path, 0777) && errno != EEXIST)
		return -errno;
	/* index.csv is there when all of them are: a resumed run does them again if it is not. */
	snprintf(done_path, sizeof(done_path), "%s/timeline/index.csv", run->run_dir);
	snprintf(path, sizeof(path), "%s/timeline/index.csv.part", run->run_dir);
	index = fopen(path, "we");
	if (!index)
		return -errno;
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fputs("subject,mode,outcome,reason,csv,rows,missed_ticks,lost_records,final_bytes,smaps_"
	      "bytes\n",
	      index);
	for (size_t i = 0; i < run->n_subjects && !error && !interrupted(run); i++) {
		for (int exact = 0; exact <= 1 && !error && !interrupted(run); exact++) {
			struct timeline t;

			error = one(run, run->subjects[i], exact, null_fd, index, &t);
			failed += !exact && t.outcome != TIMELINE_OK;
			if (t.outcome == TIMELINE_UNSUPPORTED && !exact_refused)
				fprintf(stderr, "timeline: exact mode: unsupported: %s\n",
					t.reason);
			exact_refused |= t.outcome == TIMELINE_UNSUPPORTED;
			if (t.outcome == TIMELINE_FAILED)
				fprintf(stderr, "timeline: %s (%s): failed: %s\n",
					run->subjects[i]->name, exact ? "exact" : "sampled",
					t.reason);
			timeline_clear(&t);
		}
	}
	if (null_fd >= 0)
		close(null_fd);
	if (fclose(index) && !error)
		error = -errno;
	if (!error && !interrupted(run) && rename(path, done_path))
		error = -errno;
	return error ? error : failed;
}
