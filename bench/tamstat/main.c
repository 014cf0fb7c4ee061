// SPDX-License-Identifier: MIT
/* tamstat: reserved and committed memory of processes. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

enum exit_code { DONE = 0, FAILED = 1, USAGE = 2, UNSUPPORTED = 4 };

static const char usage[] =
	"usage: tamstat [OPTION...]\n"
	"\n"
	"Shows the reserved and committed memory, the OOM score and its adjustment of every "
	"process,\n"
	"from the system call tamstat where the kernel has it, else from /proc.\n"
	"\n"
	"  -p, --pid PID[,PID]    only these processes\n"
	"  -n, --name PATTERN     only those whose name matches ('redis*'; quote it)\n"
	"  -u, --user USER        only those of this user (name or number, the effective one)\n"
	"  -s, --sort FIELD       pid, name, reserved, committed (default), pct, anon, file, "
	"shmem,\n"
	"                         swap, peak, page-tables, oom or adj; sizes from the largest "
	"down\n"
	"  -r, --reverse          the other way round\n"
	"  -l, --limit N          the first N processes only\n"
	"  -t, --total            the sums over all processes instead\n"
	"  -j, --json             JSON, sizes in bytes\n"
	"  -k, --kb / -m, --mb    sizes in KB or MB (1,024 or 1,048,576 bytes)\n"
	"  -w, --watch SECONDS    again and again, until Ctrl-C\n"
	"  -c, --count N          with --watch: N times\n"
	"  -b, --backend NAME     syscall or proc\n"
	"  -h, --help\n"
	"\n"
	"Columns: RESERVED, address space obtained; COMMITTED, resident memory, and in % of "
	"reserved;\n"
	"ANON, FILE, SHMEM, its parts; SWAP; PEAK, the most that was committed; OOM, ADJ.\n"
	"Exit status: 0 done; 1 no such process or a failure; 2 wrong usage; 4 this kernel has no "
	"such\n"
	"backend.\n";

struct request {
	pid_t *pids;
	size_t n_pids;
	const char *pattern;
	uid_t uid; /* UID_UNKNOWN: any */
	const struct column *key;
	bool reverse, total, json;
	size_t limit; /* 0: none */
	enum unit unit;
	double watch_s;		     /* 0: once */
	unsigned long count;	     /* 0: until interrupted */
	const struct source *source; /* NULL: the best that is there */
};

static volatile sig_atomic_t interrupted;

__attribute__((format(printf, 2, 3))) static int fail(int code, const char *format, ...)
{
	va_list arguments;

	fputs("tamstat: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	putc('\n', stderr);
	return code;
}

/* ---- options ---- */

static int parse_number(const char *what, const char *text, unsigned long min, unsigned long max,
			unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *value < min || *value > max)
		return fail(USAGE, "%s is '%s'; it must be %lu to %lu", what, text, min, max);
	return 0;
}

static int parse_pids(char *text, struct request *request)
{
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		pid_t *grown = realloc(request->pids, (request->n_pids + 1) * sizeof(*grown));
		unsigned long value;

		if (!grown)
			return fail(FAILED, "no memory");
		request->pids = grown;
		if (parse_number("--pid", word, 1, 1u << 22, &value))
			return USAGE;
		request->pids[request->n_pids++] = (pid_t)value;
	}
	return request->n_pids ? 0 : fail(USAGE, "--pid is empty; it must be PID[,PID]");
}

static int parse_user(const char *text, struct request *request)
{
	const struct passwd *user = getpwnam(text);
	unsigned long value;

	if (user) {
		request->uid = user->pw_uid;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return fail(USAGE, "there is no user '%s'", text);
	if (parse_number("--user", text, 0, UID_UNKNOWN - 1ul, &value))
		return USAGE;
	request->uid = (uid_t)value;
	return 0;
}

static int parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(*seconds) || *seconds < 0.01 || *seconds > 86400)
		return fail(USAGE, "--watch is '%s'; it must be 0.01 to 86400 seconds", text);
	return 0;
}

static int parse_backend(const char *text, struct request *request)
{
	request->source = !strcmp(text, "syscall") ? &source_syscall
			  : !strcmp(text, "proc")  ? &source_proc
						   : NULL;
	if (!request->source)
		return fail(USAGE, "there is no backend '%s'; there are syscall and proc", text);
	return 0;
}

static int parse_option(int option, char *text, struct request *request)
{
	unsigned long value;
	int error;

	switch (option) {
	case 'p':
		return parse_pids(text, request);
	case 'n':
		request->pattern = text;
		return 0;
	case 'u':
		return parse_user(text, request);
	case 's':
		request->key = sort_key_find(text);
		return request->key ? 0
				    : fail(USAGE, "there is no field '%s' to sort by; there are %s",
					   text, sort_key_names());
	case 'r':
		request->reverse = true;
		return 0;
	case 'l':
		error = parse_number("--limit", text, 1, 1u << 22, &value);
		request->limit = value;
		return error;
	case 't':
		request->total = true;
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case 'k':
		request->unit = UNIT_KB;
		return 0;
	case 'm':
		request->unit = UNIT_MB;
		return 0;
	case 'w':
		return parse_seconds(text, &request->watch_s);
	case 'c':
		return parse_number("--count", text, 1, UINT32_MAX, &request->count);
	case 'b':
		return parse_backend(text, request);
	default:
		return USAGE; /* getopt has said why */
	}
}

static int check(const struct request *request)
{
	if (request->total &&
	    (request->n_pids || request->pattern || request->uid != UID_UNKNOWN || request->limit))
		return fail(USAGE, "--total is over all processes; leave out --pid, --name, --user "
				   "and --limit");
	if (request->count && request->watch_s == 0)
		return fail(USAGE, "--count needs --watch SECONDS");
	return 0;
}

static int parse_arguments(int argc, char **argv, struct request *request, bool *help)
{
	static const struct option options[] = {{"pid", required_argument, NULL, 'p'},
						{"name", required_argument, NULL, 'n'},
						{"user", required_argument, NULL, 'u'},
						{"sort", required_argument, NULL, 's'},
						{"reverse", no_argument, NULL, 'r'},
						{"limit", required_argument, NULL, 'l'},
						{"total", no_argument, NULL, 't'},
						{"json", no_argument, NULL, 'j'},
						{"kb", no_argument, NULL, 'k'},
						{"mb", no_argument, NULL, 'm'},
						{"watch", required_argument, NULL, 'w'},
						{"count", required_argument, NULL, 'c'},
						{"backend", required_argument, NULL, 'b'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option, error;

	while ((option = getopt_long(argc, argv, "p:n:u:s:rl:tjkmw:c:b:h", options, NULL)) != -1) {
		if (option == 'h') {
			*help = true;
			return 0;
		}
		error = parse_option(option, optarg, request);
		if (error)
			return error;
	}
	if (optind < argc)
		return fail(USAGE, "unexpected '%s'; --pid and --name choose processes",
			    argv[optind]);
	return check(request);
}

/* ---- reading ---- */

static int open_source(struct request *request)
{
	bool keep = request->watch_s > 0;
	int error;

	if (!request->source) {
		request->source = &source_syscall;
		if (!source_syscall.open(keep))
			return 0;
		request->source = &source_proc;
	}
	error = request->source->open(keep);
	if (!error)
		return 0;
	if (request->source == &source_syscall)
		return fail(UNSUPPORTED,
			    "this kernel has no tamstat system call; --backend proc works "
			    "everywhere");
	return fail(FAILED, "/proc cannot be read: %s", strerror(-error));
}

static int read_pids(const struct request *request, struct process_list *list)
{
	int code = DONE;

	list->n = list->hidden = 0;
	for (size_t i = 0; i < request->n_pids; i++) {
		struct process *process = process_list_add(list);
		int error =
			process ? request->source->read_one(request->pids[i], process) : -ENOMEM;

		if (!error)
			continue;
		list->n -= process != NULL;
		list->hidden += error == -EACCES;
		code = fail(FAILED, "process %d: %s", (int)request->pids[i],
			    error == -ESRCH    ? "there is none"
			    : error == -EACCES ? "it is hidden from you (hidepid)"
					       : strerror(-error));
	}
	return code;
}

static bool wanted(const struct request *request, struct process *process)
{
	if (request->pattern && fnmatch(request->pattern, process->name, 0))
		return false;
	if (request->uid == UID_UNKNOWN)
		return true;
	if (process->uid == UID_UNKNOWN)
		process->uid = process_uid(process->pid);
	return process->uid == request->uid;
}

static int read_processes(const struct request *request, struct process_list *list)
{
	int error, code = DONE;
	size_t kept = 0;

	if (request->n_pids) {
		code = read_pids(request, list);
	} else {
		error = request->source->read_all(list);
		if (error)
			return fail(FAILED, "%s: %s", request->source->name, strerror(-error));
	}
	for (size_t i = 0; i < list->n; i++)
		if (wanted(request, &list->items[i]))
			list->items[kept++] = list->items[i];
	list->n = kept;
	process_list_sort(list, request->key, request->reverse);
	if (request->limit && list->n > request->limit)
		list->n = request->limit;
	if (!list->n && !request->n_pids && request->watch_s == 0) /* a watch waits for one */
		code = fail(FAILED, "no process matches");
	return code;
}

/* ---- rounds ---- */

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static struct layout layout_of(const struct request *request, bool screen)
{
	struct layout layout = {.unit = request->unit};
	struct winsize size;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col) {
		layout.width = size.ws_col;
		layout.lines = screen && size.ws_row > 2 ? size.ws_row - 1u : 0;
	}
	return layout;
}

static void say_hidden(uint64_t hidden)
{
	if (hidden)
		fail(0, "%llu processes are hidden from you (hidepid) and left out; root sees them",
		     (unsigned long long)hidden);
}

/* hidden is said in the first round only. */
static int show_once(const struct request *request, struct process_list *list, bool first,
		     bool screen)
{
	struct layout layout = layout_of(request, screen);
	uint64_t hidden;
	int code = DONE;

	if (request->total) {
		struct total total;
		int error = request->source->read_total(&total);

		if (error)
			return fail(FAILED, "%s: %s", request->source->name, strerror(-error));
		hidden = total.hidden;
		if (request->json)
			show_total_json(stdout, &total, request->source->name);
		else
			show_total(stdout, &total, &layout);
	} else {
		code = read_processes(request, list);
		hidden = request->n_pids ? 0 : list->hidden;
		if (screen)
			fputs("\033[H\033[J", stdout);
		if (request->json)
			show_json(stdout, list, request->source->name);
		else if (list->n || screen)
			show_table(stdout, list, &layout);
	}
	if (fflush(stdout) || ferror(stdout))
		return fail(FAILED, "cannot write to standard output: %s", strerror(errno));
	if (first)
		say_hidden(hidden);
	return code;
}

static void sleep_until(struct timespec *next, double seconds)
{
	next->tv_sec += (time_t)seconds;
	next->tv_nsec += (long)((seconds - floor(seconds)) * 1e9);
	if (next->tv_nsec >= 1000000000) {
		next->tv_sec++;
		next->tv_nsec -= 1000000000;
	}
	while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
		;
}

static int watch(const struct request *request, struct process_list *list)
{
	const struct sigaction action = {.sa_handler = note_interrupt};
	bool screen = isatty(STDOUT_FILENO) && !request->json && !request->total;
	struct timespec next;
	int code = DONE;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned long i = 0; !interrupted && (!request->count || i < request->count); i++) {
		if (i)
			sleep_until(&next, request->watch_s);
		if (interrupted)
			break;
		if (i && !screen && !request->json)
			putchar('\n');
		code = show_once(request, list, !i, screen);
		if (code)
			break;
	}
	return code;
}

int main(int argc, char **argv)
{
	struct request request = {.uid = UID_UNKNOWN, .key = sort_key_find("committed")};
	struct process_list list = {.items = NULL};
	bool help = false;
	int code;

	setlocale(LC_CTYPE, "");
	code = parse_arguments(argc, argv, &request, &help);
	if (help)
		fputs(usage, stdout);
	else if (!code)
		code = open_source(&request);
	if (!code && !help) {
		code = request.watch_s > 0 ? watch(&request, &list)
					   : show_once(&request, &list, true, false);
		request.source->close();
	}
	process_list_clear(&list);
	free(request.pids);
	return code;
}
