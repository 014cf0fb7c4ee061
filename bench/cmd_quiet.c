// SPDX-License-Identifier: MIT
/* tabench quiet: a command on a machine that is set for measuring, and as before afterwards. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "doctor.h"
#include "settings.h"
#include "system_files.h"

COMMAND(quiet, "run a command with the machine set for measuring, restored afterwards")

#define CANNOT_START 127

static const char help[] =
	"usage: tabench quiet [--root DIR] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Sets what `tabench doctor` finds and may be set for a while (the clock's governor and "
	"boost,\n"
	"khugepaged, NUMA balancing, KSM, background compaction, swappiness), says what it could "
	"not\n"
	"set, and runs COMMAND. Everything is restored when COMMAND ends, on a signal, and after "
	"a\n"
	"SIGKILL: another process waits for that; COMMAND then gets SIGTERM. Needs root for most "
	"settings.\n"
	"NO_TUNE=1 in the environment: nothing is set.\n"
	"\n"
	"  -r, --root DIR  set files of a copy of /proc and /sys in DIR (for tests)\n"
	"\n"
	"Exit status: that of COMMAND; 128 + N if signal N ended it; 127 if it cannot be started; "
	"2 wrong usage.";

/* ---- settings ---- */

struct tally {
	unsigned set, wanted; /* files */
	char was[SETTINGS_VALUE_CHARS];
	const char *failed_path;
	int error;
};

static void set_one(const char *path, const char *wanted, struct tally *tally)
{
	char now[SETTINGS_VALUE_CHARS];
	int error = settings_read(path, now);

	if (!error && !strcmp(now, wanted))
		return;
	tally->wanted++;
	if (!error)
		error = settings_set(path, wanted);
	if (!error) {
		tally->set++;
		strcpy(tally->was, now);
	} else if (!tally->error) {
		tally->error = error;
		tally->failed_path = path;
	}
}

static void set_pattern(const struct doctor_check *check, const struct doctor_setting *setting)
{
	struct tally tally = {.set = 0};
	char pattern[SYSTEM_PATH_CHARS];
	glob_t paths;

	if (glob(system_path(setting->pattern, pattern), 0, NULL, &paths))
		return; /* not on this machine */
	for (size_t i = 0; i < paths.gl_pathc; i++)
		set_one(paths.gl_pathv[i], setting->wanted, &tally);
	if (tally.set)
		fprintf(stderr, "quiet: %s: %s = %s (was %s%s)\n", check->name, setting->pattern,
			setting->wanted, tally.was, tally.set > 1 ? ", all that match" : "");
	if (tally.error)
		fprintf(stderr, "quiet: %s: not set: %s = %s: %s%s\n", check->name,
			tally.failed_path, setting->wanted, strerror(-tally.error),
			geteuid() ? "; be root" : "");
	globfree(&paths);
}

static void set_all(void)
{
	const struct doctor_check *check;

	for (unsigned i = 0; (check = doctor_check(i)); i++) {
		struct doctor_finding finding;

		doctor_look(check, &finding);
		if (finding.state == DOCTOR_OK)
			continue;
		if (!check->settings[0].pattern || finding.state == DOCTOR_UNKNOWN)
			fprintf(stderr, "quiet: %s: not set: %s; %s\n", check->name, finding.found,
				check->left ? check->left : finding.remedy);
		else
			for (int k = 0; k < DOCTOR_MAX_SETTINGS && check->settings[k].pattern; k++)
				set_pattern(check, &check->settings[k]);
	}
}

/* ---- the command ---- */

static volatile sig_atomic_t child, first_signal;

static void pass_on(int number, siginfo_t *info, void *context)
{
	(void)context;
	first_signal = number;
	/* What the terminal sends reaches the command by itself. */
	if (child > 0 && info->si_code != SI_KERNEL)
		kill(child, number);
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Blocks them as well; those that are ignored (nohup) stay ignored. */
static void catch_signals(sigset_t *before)
{
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO}, old;
	sigset_t caught;

	sigemptyset(&caught);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		sigaddset(&caught, signals[i]);
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &caught, before);
}

static void forget_signals(const sigset_t *before)
{
	struct sigaction old;

	for (size_t i = 0; i < N_SIGNALS; i++) {
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			signal(signals[i], SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* Its environment says that the settings are taken: it may be, or hold, another quiet. */
static void tell_who_has_the_lock(void)
{
	const char *before = getenv("TABENCH_LOCKED");
	char text[256];

	snprintf(text, sizeof(text), "%s%s%s", before ? before : "", before && *before ? "," : "",
		 SETTINGS_QUIET);
	setenv("TABENCH_LOCKED", text, 1);
}

/* What is pending by then reaches the command. */
static int run(char **argv, const sigset_t *mask)
{
	pid_t parent = getpid(), pid = fork();
	int status = 0;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(CANNOT_START);
		forget_signals(mask);
		execvp(argv[0], argv);
		failure("quiet: cannot start '%s': %s", argv[0], strerror(errno));
		_exit(CANNOT_START);
	}
	child = pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (pid < 0) {
		failure("quiet: cannot start a process: %s", strerror(errno));
		return CANNOT_START;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_quietly(char **argv)
{
	const char *no_tune = getenv("NO_TUNE");
	unsigned changed;
	sigset_t mask;
	int status, error = 0;

	catch_signals(&mask);
	if (no_tune && *no_tune)
		fputs("quiet: NO_TUNE is set: nothing is changed\n", stderr);
	else
		error = settings_begin(SETTINGS_QUIET);
	if (error == -EINTR) {
		sigprocmask(SIG_SETMASK, &mask, NULL); /* now it comes */
		return 128 + first_signal;
	}
	if (settings_begun()) {
		set_all();
		tell_who_has_the_lock();
	}
	changed = settings_changed();
	status = run(argv, &mask);
	settings_end();
	if (changed)
		fprintf(stderr, "quiet: %u settings are as before\n", changed);
	return status;
}

static int cmd_quiet(int argc, char **argv)
{
	static const struct option long_options[] = {{"root", required_argument, NULL, 'r'},
						     {"help", no_argument, NULL, 'h'},
						     {NULL, 0, NULL, 0}};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+r:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'r':
			if (access(optarg, R_OK | X_OK))
				return usage_error("--root %s: %s; give a directory that holds "
						   "proc and sys",
						   optarg, strerror(errno));
			system_root(optarg);
			break;
		case 'h':
			puts(help);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return usage_error("no command given: tabench quiet -- COMMAND [ARGUMENT...]");
	return run_quietly(argv + optind);
}
