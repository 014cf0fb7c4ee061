/* SPDX-License-Identifier: MIT */
/*
 * A process and its descendants, read from /proc into sums.
 *
 * Contract. Descendants are found by their parents' lists of children, each time anew: one that
 * begins and ends between two samples is not met, but its faults are counted once it has been
 * waited for. A process that becomes an orphan is followed on. Memory that processes share by fork
 * counts in each of them, as in every sum over /proc; an address space that is shared with the
 * parent (vfork, CLONE_VM) counts once, where kcmp(2) is allowed. Not thread-safe.
 */
#ifndef TA_TIMELINE_TREE_H
#define TA_TIMELINE_TREE_H

#include "timeline.h"

struct tree;

/*
 * Where the caller is a child subreaper, orphans of root come to it: they are followed, and waited
 * for once they have ended. NULL with errno set where root cannot be read. Three descriptors are
 * needed for a process.
 */
struct tree *tree_open(pid_t root);
/* The sums at some time between row->t_ns and row->end_ns. False once root has ended. */
bool tree_sample(struct tree *tree, struct timeline_row *row);
/* Calls each for every thread of every process; stops at what is not 0 and returns that. */
int tree_each_thread(struct tree *tree, int (*each)(pid_t pid, pid_t tid, void *arg), void *arg);
/* Kills them all, and those that they make meanwhile. */
void tree_kill(struct tree *tree);
/* All there have been, and those of them that could not be watched for want of descriptors. */
uint64_t tree_processes(const struct tree *tree);
uint64_t tree_unwatched(const struct tree *tree);
void tree_close(struct tree *tree); /* NULL is fine */

#endif
