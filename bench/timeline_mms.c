// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "timeline_mms.h"

static int64_t total(const struct mm *mm)
{
	return mm->bytes[MM_FILE] + mm->bytes[MM_ANON] + mm->bytes[MM_SHMEM];
}

static struct mm *find(struct mms *mms, uint32_t id)
{
	if (mms->last < mms->n && mms->items[mms->last].id_known && mms->items[mms->last].id == id)
		return &mms->items[mms->last];
	for (size_t i = 0; i < mms->n; i++)
		if (mms->items[i].id_known && mms->items[i].id == id)
			return &mms->items[mms->last = i];
	return NULL;
}

static struct mm *add(struct mms *mms)
{
	if (mms->n == mms->room) {
		size_t room = mms->room ? 2 * mms->room : 64;
		struct mm *grown = realloc(mms->items, room * sizeof(*grown));

		if (!grown)
			return NULL;
		mms->items = grown;
		mms->room = room;
	}
	mms->items[mms->n] = (struct mm){.id = 0};
	return &mms->items[mms->n++];
}

static void drop(struct mms *mms, size_t i)
{
	if (mms->items[i].counts)
		mms->sum_bytes -= total(&mms->items[i]);
	mms->items[i] = mms->items[--mms->n];
}

static void begin_to_count(struct mms *mms, struct mm *mm, pid_t pid)
{
	mm->counts = true;
	mm->pid = pid;
	mms->sum_bytes += total(mm);
	mms->any = true;
}

/* A process that runs in a new address space has left the one it had before. */
static void leave_others(struct mms *mms, pid_t pid, uint32_t id)
{
	for (size_t i = mms->n; i > 0; i--)
		if (mms->items[i - 1].pid == pid &&
		    (!mms->items[i - 1].id_known || mms->items[i - 1].id != id))
			drop(mms, i - 1);
}

/* That of an attached process, whose number its first record tells. */
static struct mm *find_attached(struct mms *mms, pid_t pid)
{
	for (size_t i = 0; i < mms->n; i++)
		if (!mms->items[i].id_known && mms->items[i].pid == pid)
			return &mms->items[i];
	return NULL;
}

int mms_change(struct mms *mms, uint32_t id, bool curr, pid_t pid, pid_t tid, enum mm_part part,
	       int64_t bytes)
{
	struct mm *mm = find(mms, id);

	if (!mm && curr)
		mm = find_attached(mms, pid);
	if (!mm)
		mm = add(mms);
	if (!mm)
		return -ENOMEM;
	if (!mm->id_known) {
		mm->id_known = true;
		mm->id = id;
		mm->made_by = tid;
	}
	if (curr && !mm->counts) {
		leave_others(mms, pid, id);
		mm = find(mms, id); /* it may have moved */
		begin_to_count(mms, mm, pid);
	}
	if (curr)
		mm->exiting = false;
	if (mm->counts)
		mms->sum_bytes += bytes - mm->bytes[part];
	mm->bytes[part] = bytes;
	return 0;
}

int mms_attach(struct mms *mms, pid_t pid, const int64_t bytes[MM_PARTS])
{
	struct mm *mm = add(mms);

	if (!mm)
		return -ENOMEM;
	for (int part = 0; part < MM_PARTS; part++)
		mm->bytes[part] = bytes[part];
	begin_to_count(mms, mm, pid);
	return 0;
}

/* What the thread raised records about, and nobody of the tree came to run in. */
static void forget_made_by(struct mms *mms, pid_t tid)
{
	for (size_t i = mms->n; i > 0; i--)
		if (!mms->items[i - 1].counts && mms->items[i - 1].made_by == tid)
			drop(mms, i - 1);
}

void mms_fork(struct mms *mms, pid_t pid, pid_t parent_pid, pid_t parent_tid)
{
	struct mm *made = NULL;

	if (pid == parent_pid) /* a thread */
		return;
	for (size_t i = 0; i < mms->n; i++)
		if (!mms->items[i].counts && mms->items[i].made_by == parent_tid)
			made = &mms->items[i];
	if (made) /* else the child shares that of its parent */
		begin_to_count(mms, made, pid);
	forget_made_by(mms, parent_tid);
}

void mms_exit(struct mms *mms, pid_t pid, pid_t tid)
{
	forget_made_by(mms, tid);
	for (size_t i = mms->n; i > 0; i--) {
		struct mm *mm = &mms->items[i - 1];

		if (mm->pid == pid && total(mm) == 0)
			drop(mms, i - 1);
		else if (mm->pid ==
			 pid) /* other threads live on, or it was not torn down by its own */
			mm->exiting = true;
	}
}

void mms_sweep(struct mms *mms)
{
	for (size_t i = mms->n; i > 0; i--)
		if (mms->items[i - 1].exiting && mms->is_gone(mms->items[i - 1].pid))
			drop(mms, i - 1);
}

void mms_clear(struct mms *mms)
{
	free(mms->items);
	*mms = (struct mms){.is_gone = mms->is_gone};
}
