// SPDX-License-Identifier: MIT
/*
 * Out of memory: who is killed, and what the others lose. A hog takes more than there is;
 * bystanders hold a little and have it checked afterwards, inside the control group and outside of
 * it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "scenarios/group.h"
#include "system_files.h"

#define MIB	  ((size_t)1 << 20)
#define LIMIT	  (64 * MIB)
#define SMALL	  (12 * MIB) /* of a bystander */
#define FITS	  (56 * MIB) /* of the hog: without the bystander below the limit */
#define TOO_LARGE (256 * MIB)
#define SIGKILLED (128 + 9)
#define FAILED	  70
#define WRONG	  73

struct actor {
	const struct group *group; /* NULL: none */
	size_t bytes;
	int oom_score_adj;
};

static unsigned char *map(size_t bytes)
{
	unsigned char *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

/* Takes its bytes, says so, waits, and looks whether they are all there. */
static int act(int fd, void *arg)
{
	const struct actor *actor = arg;
	unsigned char *addr;

	if ((actor->group && group_enter(actor->group)) ||
	    scenario_oom_score_adj(actor->oom_score_adj))
		return FAILED;
	addr = map(actor->bytes);
	if (!addr)
		return FAILED;
	scenario_write(addr, actor->bytes, 1, 7);
	member_ready(fd);
	member_wait(fd);
	return scenario_wrong(addr, actor->bytes, 1, 7) ? WRONG : 0;
}

static const char *fate(int status)
{
	return status == SIGKILLED ? "killed"
	       : status == 0	   ? "lives, its bytes are right"
	       : status == WRONG   ? "lost bytes"
				   : "failed";
}

enum who { HOG = 1, INSIDE = 2 };

#define TRIES 3 /* of a play in which more were killed than need be */

/* The hog and a bystander share a group, another bystander is outside. False: r says why not. */
static bool play(unsigned version, struct scenario_result *r, struct actor hog, struct actor inside,
		 bool kill_all, int status[3], uint64_t *kills)
{
	struct actor outside = {.bytes = SMALL};
	struct member members[3];
	struct group group;

	if (!group_make(&group, version, LIMIT, r))
		return false;
	if (kill_all && group_write(&group, "memory.oom.group", "1")) {
		scenario_unsupported(r, "no memory.oom.group here (Linux 4.19)");
		return false;
	}
	hog.group = inside.group = &group;
	member_start(&members[1], act, &inside);
	member_start(&members[2], act, &outside);
	if (!member_is_ready(&members[1]) || !member_is_ready(&members[2])) {
		scenario_unsupported(r, "the bystanders could not be placed (oom_score_adj below 0 "
					"needs CAP_SYS_RESOURCE)");
		return false;
	}
	member_start(&members[0], act, &hog);
	member_is_ready(&members[0]); /* or it has ended */
	for (int i = 0; i < 3; i++)
		member_go(&members[i]);
	for (int i = 0; i < 3; i++)
		status[i] = member_end(&members[i]);
	*kills = group_oom_kills(&group);
	group_remove(group.path);
	if (status[0] == FAILED) {
		scenario_unsupported(r, "the hog could not be placed (oom_score_adj below 0 needs "
					"CAP_SYS_RESOURCE)");
		return false;
	}
	return true;
}

/*
 * killed: who must be. The kernel may choose a second victim after the first one's pages are
 * unmapped and before they are uncharged (exit_mmap() sets MMF_OOM_SKIP between the two), so that
 * such a play is repeated: it must end with one victim, the right one.
 */
static void run_play(const struct scenario_case *c, struct scenario_result *r, struct actor hog,
		     struct actor inside, bool kill_all, unsigned killed)
{
	int status[3];
	uint64_t kills;

	for (int tries = 1;; tries++) {
		if (!play(c->value == 1 ? 1 : 2, r, hog, inside, kill_all, status, &kills))
			return;
		if (kill_all || kills <= 1 || tries == TRIES)
			break;
	}
	scenario_metric(r, "oom_kills", (double)kills);
	scenario_observed(r, "hog: %s; bystander in the group: %s; bystander outside: %s",
			  fate(status[0]), fate(status[1]), fate(status[2]));
	if ((status[0] == SIGKILLED) != !!(killed & HOG) ||
	    (status[1] == SIGKILLED) != !!(killed & INSIDE))
		scenario_broken(r, "the wrong one was killed");
	else if ((!(killed & HOG) && status[0]) || (!(killed & INSIDE) && status[1]) || status[2])
		scenario_broken(r, "a survivor lost something");
	else if (kills < (uint64_t)__builtin_popcount(killed) ||
		 (!kill_all && kills > 1)) /* with all of them, the first is counted twice */
		scenario_broken(r, "the group says that %llu were killed",
				(unsigned long long)kills);
}

static void largest(const struct scenario_case *c, struct scenario_result *r)
{
	run_play(c, r, (struct actor){.bytes = TOO_LARGE}, (struct actor){.bytes = SMALL}, false,
		 HOG);
}

static void volunteer(const struct scenario_case *c, struct scenario_result *r)
{
	run_play(c, r, (struct actor){.bytes = FITS},
		 (struct actor){.bytes = SMALL, .oom_score_adj = 1000}, false, INSIDE);
}

static void protected_hog(const struct scenario_case *c, struct scenario_result *r)
{
	run_play(c, r, (struct actor){.bytes = FITS, .oom_score_adj = -1000},
		 (struct actor){.bytes = SMALL}, false, INSIDE);
}

static void together(const struct scenario_case *c, struct scenario_result *r)
{
	run_play(c, r, (struct actor){.bytes = TOO_LARGE}, (struct actor){.bytes = SMALL}, true,
		 HOG | INSIDE);
}

/* The machine itself is out of memory. */
static void whole_machine(const struct scenario_case *c, struct scenario_result *r)
{
	struct actor hog = {.bytes = 2 * system_meminfo_bytes("MemTotal") +
				     system_meminfo_bytes("SwapTotal")};
	struct actor inside = {.bytes = SMALL};
	struct member members[2];
	int status[2];

	(void)c;
	scenario_oom_score_adj(-1000); /* members set their own */
	member_start(&members[1], act, &inside);
	if (!member_is_ready(&members[1])) {
		scenario_unsupported(r, "the bystander could not be placed");
		return;
	}
	member_start(&members[0], act, &hog);
	member_is_ready(&members[0]);
	for (int i = 0; i < 2; i++)
		member_go(&members[i]);
	for (int i = 0; i < 2; i++)
		status[i] = member_end(&members[i]);
	scenario_observed(r, "hog: %s; bystander: %s; the machine runs on", fate(status[0]),
			  fate(status[1]));
	if (status[0] != SIGKILLED || status[1])
		scenario_broken(r, "hog: status %d; bystander: status %d", status[0], status[1]);
}

#define PLAYS(version)                                                                           \
	{"oom",                                                                                  \
	 "v" #version "-largest",                                                                \
	 "mmap/noreserve",                                                                       \
	 "the largest of the group is killed; the others, inside and outside, lose nothing",     \
	 TOO_LARGE,                                                                              \
	 version,                                                                                \
	 false,                                                                                  \
	 largest},                                                                               \
		{"oom",                                                                          \
		 "v" #version "-adj+1000",                                                       \
		 "mmap/noreserve",                                                               \
		 "a small one with oom_score_adj 1000 is killed before the largest",             \
		 FITS,                                                                           \
		 version,                                                                        \
		 false,                                                                          \
		 volunteer},                                                                     \
	{                                                                                        \
		"oom", "v" #version "-adj-1000", "mmap/noreserve",                               \
			"the largest with oom_score_adj -1000 is spared; another is killed for " \
			"it",                                                                    \
			FITS, version, false, protected_hog                                      \
	}

static const struct scenario_case oom[] = {
	PLAYS(1),
	PLAYS(2),
	{"oom", "v2-oom.group", "mmap/noreserve",
	 "with memory.oom.group all of the group are killed, and nobody outside", TOO_LARGE, 2,
	 false, together},
	{"oom", "machine", "mmap/noreserve",
	 "where the machine has no memory left, the hog is killed and a bystander loses nothing",
	 TOO_LARGE, 0, true, whole_machine},
};

REGISTER_SCENARIO(oom)
