/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture "region": fresh tamalloc memory, self->p[0 .. self->len), filled
 * with self->fill: once with zeros, once with 0xab. Before including this, a
 * file may define
 *   REGION_PAGES	how many pages (16)
 *   REGION_FLAGS	of tamalloc (0)
 *   REGION_PREPARE	a function to call first: NULL, or the reason to skip
 *   REGION_CLEANUP	a function to call last, even if the test was killed
 */
#ifndef TAM_REGION_H
#define TAM_REGION_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tam_test.h"

#ifndef REGION_PAGES
#define REGION_PAGES	16
#endif

#ifndef REGION_FLAGS
#define REGION_FLAGS	0
#endif

/* Neither the fill nor zero. */
#define OTHER	0x5c

FIXTURE(region)
{
	unsigned char *p;
	size_t pages;
	size_t page;		/* bytes in one */
	size_t len;
	unsigned char fill;
};

FIXTURE_VARIANT(region)
{
	unsigned char fill;
};

FIXTURE_VARIANT_ADD(region, fill_00)
{
	.fill = 0x00,
};

FIXTURE_VARIANT_ADD(region, fill_ab)
{
	.fill = 0xab,
};

FIXTURE_SETUP(region)
{
	const char *reason = tam_unsupported();

#ifdef REGION_PREPARE
	if (!reason)
		reason = REGION_PREPARE();
#endif
	if (reason)
		SKIP(return, "%s", reason);
	self->page = page_bytes();
	self->pages = REGION_PAGES;
	self->len = self->pages * self->page;
	self->fill = variant->fill;
	self->p = tamalloc(self->len, self->fill, REGION_FLAGS);
	ASSERT_NE(MAP_FAILED, self->p)
	{
		TH_LOG("tamalloc(%zu, %#x, %#x): %s", self->len, self->fill, REGION_FLAGS,
		       strerror(errno));
	}
}

FIXTURE_TEARDOWN_PARENT(region)
{
#ifdef REGION_CLEANUP
	REGION_CLEANUP();
#endif
	knobs_restore();
}

/* KB of this region that are the process's own. */
static inline long region_kb(const struct _test_data_region *self)
{
	return smaps_kb(getpid(), self->p, self->len, "Anonymous:");
}

#endif /* TAM_REGION_H */
