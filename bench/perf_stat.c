// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf_stat.h"

static const struct {
	const char *event, *metric;
} events[] = {
	{"page-faults", "perf_page_faults"},	       {"minor-faults", "perf_minor_faults"},
	{"major-faults", "perf_major_faults"},	       {"cycles", "perf_cycles"},
	{"dTLB-load-misses", "perf_dtlb_load_misses"},
};

bool perf_stat_works(char *reason, size_t reason_bytes)
{
	static const char *const argv[] = {"perf",	  "stat", "-x",	  ",", "-e",
					   "page-faults", "--",	  "true", NULL};
	char said[512] = "";
	int fds[2], status = -1;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC)) {
		snprintf(reason, reason_bytes, "unsupported: no pipe to perf: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(errno == ENOENT ? 126 : 127);
	}
	close(fds[1]);
	while (used + 1 < sizeof(said) &&
	       (got = read(fds[0], said + used, sizeof(said) - 1 - used)) > 0)
		used += (size_t)got;
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status == 0 && strstr(said, "page-faults") && !strstr(said, "<not"))
		return true;
	said[strcspn(said, "\n")] = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		snprintf(reason, reason_bytes,
			 "unsupported: perf is not installed; apt-get install linux-perf");
	else
		snprintf(reason, reason_bytes,
			 "unsupported: perf stat was refused (%.80s); as root, or with sysctl "
			 "kernel.perf_event_paranoid=2, it works",
			 said);
	return false;
}

/* Lines of perf stat -x,: VALUE,UNIT,EVENT,... ; the event may carry a modifier (page-faults:u). */
json_t *perf_stat_metrics(FILE *log)
{
	json_t *metrics = json_object();
	char line[512];

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		json_object_set_new(metrics, events[i].metric, json_null());
	while (fgets(line, sizeof(line), log)) {
		char *unit = strchr(line, ','), *event = unit ? strchr(unit + 1, ',') : NULL, *end;
		double value = strtod(line, &end);

		if (!event || end != unit)
			continue; /* "<not supported>", or a remark */
		event++;
		event[strcspn(event, ",:\n")] = 0;
		for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			if (!strcmp(event, events[i].event))
				json_object_set_new(metrics, events[i].metric, json_real(value));
	}
	return metrics;
}

void perf_stat_run(struct worker_job job, struct worker_result *result, json_t **metrics)
{
	char fd_text[16];
	const char *const wrapper[] = {"perf",		 "stat",     "-x",    ",",  "-e",
				       PERF_STAT_EVENTS, "--log-fd", fd_text, "--", NULL};
	int log_fd = memfd_create("perf-stat", 0); /* inherited on purpose */
	FILE *log = log_fd < 0 ? NULL : fdopen(log_fd, "r+");

	*metrics = NULL;
	if (!log) {
		*result = (struct worker_result){.outcome = OUTCOME_FAILED};
		snprintf(result->reason, sizeof(result->reason), "cannot hold perf's output: %s",
			 strerror(errno));
		return;
	}
	snprintf(fd_text, sizeof(fd_text), "%d", log_fd);
	job.wrapper = wrapper;
	worker_run(&job, result);
	rewind(log);
	*metrics = perf_stat_metrics(log);
	fclose(log);
}
