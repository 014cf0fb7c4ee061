// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the first touch of a page of tamalloc(2) memory makes.
 *
 * do_anonymous_page() asks tamalloc_alloc_folio() for the folio, and does the
 * rest (page-table lock and re-check, userfaultfd, rmap, LRU, accounting) as
 * for any anonymous memory. The folio is one page, unless what was touched
 * before is evidence that its neighbours will be touched too: fault-ahead
 * (mm/tamalloc_ahead.c).
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page_counter.h>
#include <linux/rmap.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/tamalloc.h>
#include <linux/vmstat.h>
#include <linux/wordpart.h>
#include "internal.h"
#include "tamalloc.h"

#define CREATE_TRACE_POINTS
#include <trace/events/tamalloc.h>

/* Made ahead is what can be had at once: no reclaim, not even by kswapd. */
#define AHEAD_GFP		(GFP_TRANSHUGE_LIGHT | __GFP_NORETRY)

/* Filled at once, before others may have the CPU. */
#define FILL_CHUNK		((size_t)SZ_64K)

/* CONFIG_TAMALLOC depends on 64BIT: all memory is in the kernel's own mapping. */
void tamalloc_fill_folio(struct folio *folio, u8 fill)
{
	const size_t size = folio_size(folio);
	size_t at;

	for (at = 0; at < size; at += FILL_CHUNK) {
		if (at)
			cond_resched();
		memset64(folio_address(folio) + at, REPEAT_BYTE(fill),
			 min(size, FILL_CHUNK) / sizeof(u64));
	}
	flush_dcache_folio(folio);
}

#ifdef CONFIG_MEMCG
/*
 * Whether the memory cgroups of @mm can take @nr pages more without reclaim,
 * now (memory.max) or on the way back to user space (memory.high).
 */
static bool memcg_has_room(struct mm_struct *mm, unsigned long nr)
{
	struct mem_cgroup *memcg;
	bool room = true;

	if (mem_cgroup_disabled())
		return true;

	rcu_read_lock();
	memcg = mem_cgroup_from_task(rcu_dereference(mm->owner));
	for (; room && memcg && !mem_cgroup_is_root(memcg);
	     memcg = parent_mem_cgroup(memcg)) {
		unsigned long limit = min(READ_ONCE(memcg->memory.max),
					  READ_ONCE(memcg->memory.high));

		room = page_counter_read(&memcg->memory) + nr <= limit;
	}
	rcu_read_unlock();
	return room;
}
#else
static bool memcg_has_room(struct mm_struct *mm, unsigned long nr)
{
	return true;
}
#endif

static struct folio *alloc_ahead(struct vm_fault *vmf, int order)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	struct folio *folio;

	if (!memcg_has_room(vma->vm_mm, 1UL << order))
		return NULL;
	folio = vma_alloc_folio(AHEAD_GFP, order, vma, addr, true);
	if (folio && mem_cgroup_charge(folio, vma->vm_mm, AHEAD_GFP)) {
		folio_put(folio);
		return NULL;
	}
	return folio;
}

/* The largest folio that the evidence allows and that can be had at once; or NULL. */
static struct folio *fault_ahead(struct vm_fault *vmf)
{
	struct folio *folio = NULL;
	int wanted, order;

	wanted = tamalloc_ahead_order(vmf, false);
	if (!wanted)
		return NULL;

	for (order = wanted; order >= AHEAD_MIN_ORDER; order--) {
		folio = alloc_ahead(vmf, order);
		if (folio)
			break;
	}
	if (order != wanted)
		count_vm_event(TAMALLOC_AHEAD_FALLBACK);
	trace_tamalloc_ahead(vmf->address, wanted, folio ? order : 0);
	return folio;
}

/**
 * tamalloc_huge_fault - make a huge page, if there is evidence for one
 * @vmf: a fault on an empty PMD in a VM_TAMALLOC VMA
 *
 * Context: as tamalloc_alloc_folio().
 * Return: VM_FAULT_FALLBACK if the first touch is still to be done, by PTEs.
 */
vm_fault_t tamalloc_huge_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct folio *folio;
	vm_fault_t ret;

	/* Reads that get the zero page. */
	if (!(vmf->flags & FAULT_FLAG_WRITE) && !vma_fill_byte(vma))
		return VM_FAULT_FALLBACK;
	if (!tamalloc_huge_wanted(vmf))
		return VM_FAULT_FALLBACK;
	ret = vmf_anon_prepare(vmf);
	if (ret)
		return ret;

	/* If there is none, tamalloc_alloc_folio() tries the same by PTEs, and counts. */
	if (!memcg_has_room(vma->vm_mm, 1UL << PMD_ORDER))
		return VM_FAULT_FALLBACK;
	folio = vma_alloc_folio(AHEAD_GFP, PMD_ORDER, vma,
				vmf->address & PMD_MASK, true);
	if (!folio)
		return VM_FAULT_FALLBACK;
	ret = tamalloc_map_huge(vmf, folio, AHEAD_GFP);
	if (!ret && tamalloc_asked_order(vmf) < 0) {
		trace_tamalloc_ahead(vmf->address, PMD_ORDER, PMD_ORDER);
		count_vm_event(TAMALLOC_AHEAD);
		count_vm_events(TAMALLOC_AHEAD_PAGES, (1UL << PMD_ORDER) - 1);
	}
	return ret;
}

static struct folio *alloc_single(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct folio *folio;

	/* Zeroing is left to the allocator, which may have done so already. */
	if (vma_fill_byte(vma))
		folio = vma_alloc_folio(GFP_HIGHUSER_MOVABLE, 0, vma,
					vmf->address, false);
	else
		folio = vma_alloc_zeroed_movable_folio(vma, vmf->address);
	if (folio && mem_cgroup_charge(folio, vma->vm_mm, GFP_KERNEL)) {
		folio_put(folio);
		return NULL;
	}
	return folio;
}

/**
 * tamalloc_alloc_folio - allocate and fill the folio for a first touch
 * @vmf: a fault on an empty PTE in a VM_TAMALLOC VMA, page table allocated
 *
 * The one place that decides how much memory a first touch commits. The folio
 * is to be mapped at vmf->address, aligned down to its size; it lies within the
 * VMA. It is charged to the memory cgroup of the VMA's mm and placed by its
 * memory policy. It holds the fill byte and is not yet marked up to date. A
 * folio larger than a page is mapped by tamalloc_set_ptes().
 *
 * Context: as do_anonymous_page(): mmap_lock or VMA lock held for read; sleeps.
 * Return: the folio, with one reference, or NULL if there is no memory.
 */
struct folio *tamalloc_alloc_folio(struct vm_fault *vmf)
{
	u8 fill = vma_fill_byte(vmf->vma);
	struct folio *folio;

	folio = fault_ahead(vmf);
	if (!folio)
		folio = alloc_single(vmf);
	if (!folio)
		return NULL;

	folio_throttle_swaprate(folio, GFP_KERNEL);
	if (fill || folio_test_large(folio))
		tamalloc_fill_folio(folio, fill);
	return folio;
}

/**
 * tamalloc_set_ptes - map a folio larger than a page
 * @vmf: the fault, with the PTE of @addr mapped and locked
 * @addr: where the folio begins
 * @entry: what to put there: the PTE of the folio's first page, young
 * @nr: pages in the folio
 *
 * As set_ptes(), but what neither an access nor the program has asked for is old.
 */
void tamalloc_set_ptes(struct vm_fault *vmf, unsigned long addr, pte_t entry,
		       int nr)
{
	const int touched = (vmf->address - addr) >> PAGE_SHIFT;
	const int after = touched + 1;
	struct mm_struct *mm = vmf->vma->vm_mm;
	pte_t old = pte_mkold(entry);

	/* A folio of this size was accounted as mapped by a PMD. */
	if (nr == 1 << PMD_ORDER) {
		struct page *page = pfn_to_page(pte_pfn(entry));

		folio_add_anon_rmap_ptes(page_folio(page), page, nr, vmf->vma,
					 addr, RMAP_EXCLUSIVE);
		folio_remove_rmap_pmd(page_folio(page), page, vmf->vma);
	}
	if (tamalloc_asked_order(vmf) >= 0) {
		set_ptes(mm, addr, vmf->pte, entry, nr);
		return;
	}
	if (touched)
		set_ptes(mm, addr, vmf->pte, old, touched);
	set_ptes(mm, vmf->address, vmf->pte + touched,
		 pte_advance_pfn(entry, touched), 1);
	if (after < nr)
		set_ptes(mm, vmf->address + PAGE_SIZE, vmf->pte + after,
			 pte_advance_pfn(old, after), nr - after);

	count_vm_event(TAMALLOC_AHEAD);
	count_vm_events(TAMALLOC_AHEAD_PAGES, nr - 1);
}

/**
 * tamalloc_dump_page - what a core dump shows of an untouched page
 * @addr: address in an untouched part of a VMA of current->mm whose fill is not 0
 *
 * Return: a page of its own that holds the fill byte, not mapped anywhere, to
 * be freed by put_page(); NULL if there is no memory.
 */
struct page *tamalloc_dump_page(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	struct folio *folio;
	u8 fill = 0;

	folio = folio_alloc(GFP_KERNEL, 0);
	if (!folio)
		return NULL;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma)
		fill = vma_fill_byte(vma);
	mmap_read_unlock(mm);

	tamalloc_fill_folio(folio, fill);
	return &folio->page;
}
