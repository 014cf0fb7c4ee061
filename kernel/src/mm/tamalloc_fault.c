// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the first touch of a page of tamalloc(2) memory makes.
 *
 * do_anonymous_page() asks tamalloc_alloc_folio() for the folio, and does the
 * rest (page-table lock and re-check, userfaultfd, rmap, LRU, accounting) as
 * for any anonymous memory. The folio is one page, unless what was touched
 * before is evidence that its neighbours will be touched too: fault-ahead.
 *
 * The evidence
 *
 * A fault on the first page of an aligned block of 2^n pages may make all of
 * the block if the AHEAD_EVIDENCE * 2^n pages just before it, the window, have
 * all been accessed: a program that goes upwards. A fault on the last page of a
 * block looks at the window just after it: one that goes downwards. Nothing
 * else is kept: the page table is the history of each stream there is, however
 * many, and forgets it when it is zapped.
 *
 * A page table that maps a page says that the page was made, not that it was
 * wanted. The accessed bit tells the two apart: in a folio made ahead every PTE
 * but that of the faulting page is old, so that an unused folio is never
 * evidence for the next.
 *
 * The bound
 *
 * Take the blocks that were made going upwards and hold a page that was never
 * accessed (of two that overlap, as a part was zapped and made again, the
 * larger). The windows of two of them are disjoint: a window ends where its
 * block begins, so if those of B and B', with B below B', shared a page, that
 * of B' would hold all of B, and B would have been accessed in full. Each block
 * has at most 2^n - 1 such pages, and its window AHEAD_EVIDENCE * 2^n pages
 * that were. The same holds going downwards. So of all pages made, those that
 * were never accessed are fewer than 2 / AHEAD_EVIDENCE of those that were, and
 * fewer than 1 / AHEAD_EVIDENCE if all went in one direction. Where fewer than
 * AHEAD_EVIDENCE << AHEAD_MIN_ORDER neighbours are accessed there are none.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/huge_mm.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page_counter.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/tamalloc.h>
#include <linux/userfaultfd_k.h>
#include <linux/vmstat.h>
#include <linux/wordpart.h>
#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/tamalloc.h>

/* Folios made ahead: 16K, the smallest that anonymous memory has, to 64K. */
#define AHEAD_MIN_ORDER		2
#define AHEAD_MAX_ORDER		4

/* Pages in the window for each page of the block. */
#define AHEAD_EVIDENCE		3

/* Made ahead is what can be had at once: no reclaim, not even by kswapd. */
#define AHEAD_GFP		(GFP_TRANSHUGE_LIGHT | __GFP_NORETRY)

/* CONFIG_TAMALLOC depends on 64BIT: all memory is in the kernel's own mapping. */
static void fill_folio(struct folio *folio, u8 fill)
{
	memset64(folio_address(folio), REPEAT_BYTE(fill),
		 folio_size(folio) / sizeof(u64));
	flush_dcache_folio(folio);
}

/* Has been accessed since it was made. The only special PTE here is the zero page's. */
static bool pte_accessed(pte_t pte)
{
	return pte_present(pte) && pte_young(pte) && !pte_special(pte);
}

/* pte_offset_map() for sparse, which knows that pte_unmap() leaves an RCU section. */
static inline pte_t *map_table(pmd_t *pmd, unsigned long addr)
{
	pte_t *pte;

	__cond_lock(RCU, pte = pte_offset_map(pmd, addr));
	return pte;
}

static bool ptes_accessed(pte_t *pte, unsigned long bytes)
{
	pte_t *end = pte + (bytes >> PAGE_SHIFT);

	while (pte < end && pte_accessed(ptep_get_lockless(pte)))
		pte++;
	return pte == end;
}

/* [addr, addr + bytes) lies in one page table. */
static bool other_table_accessed(struct mm_struct *mm, unsigned long addr,
				 unsigned long bytes)
{
	/* The VMA, which is read-locked, keeps upper levels. */
	pmd_t *pmd = mm_find_pmd(mm, addr);
	bool accessed;
	pte_t *pte;

	if (!pmd)
		return false;
	pte = map_table(pmd, addr);
	if (!pte)
		return false;
	accessed = ptes_accessed(pte, bytes);
	pte_unmap(pte);
	return accessed;
}

/*
 * Whether all of [addr, end), a part of the VMA, has been accessed. @table is
 * the start of the page table of the faulting address.
 */
static bool range_accessed(struct vm_fault *vmf, pte_t *table,
			   unsigned long addr, unsigned long end)
{
	unsigned long next;

	for (; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		if ((addr ^ vmf->address) & PMD_MASK) {
			if (!other_table_accessed(vmf->vma->vm_mm, addr,
						  next - addr))
				return false;
		} else if (!ptes_accessed(table + pte_index(addr), next - addr)) {
			return false;
		}
	}
	return true;
}

/*
 * The largest order for which there is evidence and room. @pte is that of the
 * faulting address, the first of a block if @up, else the last.
 */
static int evident_order(struct vm_fault *vmf, pte_t *pte, bool up)
{
	const struct vm_area_struct *vma = vmf->vma;
	/* Between window and block. */
	const unsigned long edge = vmf->address + (up ? 0 : PAGE_SIZE);
	pte_t *table = pte - pte_index(vmf->address);
	unsigned long seen = 0, none = 0;
	int order, best = 0;

	for (order = AHEAD_MIN_ORDER; order <= AHEAD_MAX_ORDER; order++) {
		const unsigned long block = PAGE_SIZE << order;
		const unsigned long window = AHEAD_EVIDENCE * block;
		const unsigned long below = edge - vma->vm_start;
		const unsigned long above = vma->vm_end - edge;

		if (!IS_ALIGNED(edge, block) || below < (up ? window : block) ||
		    above < (up ? block : window))
			break;
		/* The nearest part of the window was that of the order before. */
		if (up ? !range_accessed(vmf, table, edge - window, edge - seen) :
			 !range_accessed(vmf, table, edge + seen, edge + window))
			break;
		seen = window;
		best = order;
	}
	if (!best)
		return 0;

	while (none < 1UL << best && pte_none(ptep_get_lockless(pte))) {
		pte += up ? 1 : -1;
		none++;
	}
	return none >> AHEAD_MIN_ORDER ? ilog2(none) : 0;
}

/*
 * The order of the folio that a first touch at vmf->address may make; 0 if it
 * is one page. A guess without the page-table lock: do_anonymous_page() looks
 * again whether the PTEs are empty, and a PTE of the window that is changed
 * meanwhile was accessed nevertheless.
 */
static int ahead_order(struct vm_fault *vmf)
{
	const int last = (1 << AHEAD_MIN_ORDER) - 1;
	const int step = (vmf->address >> PAGE_SHIFT) & last;
	const bool up = step == 0;
	int order = 0;
	pte_t *pte;

	/* Neither the first nor the last page of a block of any order. */
	if (!up && step != last)
		return 0;

	pte = map_table(vmf->pmd, vmf->address);
	if (!pte)
		return 0;
	/* The nearest page of the window settles most cases, if it is in this table. */
	if (pte_index(vmf->address) == (up ? 0 : PTRS_PER_PTE - 1) ||
	    pte_accessed(ptep_get_lockless(up ? pte - 1 : pte + 1)))
		order = evident_order(vmf, pte, up);
	pte_unmap(pte);
	return order;
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

	/* userfaultfd is told of each page; MADV_NOHUGEPAGE and TAMALLOC_SINGLE. */
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ||
	    userfaultfd_armed(vmf->vma) ||
	    vma_thp_disabled(vmf->vma, vmf->vma->vm_flags))
		return NULL;

	wanted = ahead_order(vmf);
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
		fill_folio(folio, fill);
	return folio;
}

/**
 * tamalloc_set_ptes - map a folio larger than a page
 * @vmf: the fault, with the PTE of @addr mapped and locked
 * @addr: where the folio begins
 * @entry: what to put there: the PTE of the folio's first page, young
 * @nr: pages in the folio
 *
 * As set_ptes(), but what no access has asked for is old.
 */
void tamalloc_set_ptes(struct vm_fault *vmf, unsigned long addr, pte_t entry,
		       int nr)
{
	const int touched = (vmf->address - addr) >> PAGE_SHIFT;
	const int after = touched + 1;
	struct mm_struct *mm = vmf->vma->vm_mm;
	pte_t old = pte_mkold(entry);

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

	fill_folio(folio, fill);
	return &folio->page;
}
