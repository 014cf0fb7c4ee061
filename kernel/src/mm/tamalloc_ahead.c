// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was accessed before, as evidence for what will be: how many pages a first
 * touch of tamalloc(2) memory may make.
 *
 * The evidence
 *
 * A fault on the first page of an aligned block of 2^n pages may make all of
 * the block if the AHEAD_EVIDENCE * 2^n pages just before it, the window, have
 * all been accessed: a program that goes upwards. A fault on the last page of a
 * block looks at the window just after it: one that goes downwards. Nothing
 * else is kept: the page table is the history of each stream there is, however
 * many, and forgets it when it is zapped. Blocks above AHEAD_FAST_ORDER need
 * AHEAD_EVIDENCE_MORE * 2^n pages: so much is wasted where a run ends.
 *
 * A page table that maps a page says that the page was made, not that it was
 * wanted. The accessed bit tells the two apart: in a folio made ahead every PTE
 * but that of the faulting page is old, so that an unused folio is never
 * evidence for the next.
 *
 * A huge page has one accessed bit, which says that something of it was accessed.
 * So the first (last) page of a huge block looks at the three huge blocks before
 * (behind) it. Each must have been used: full, mapped by PTEs all of which were
 * accessed, or huge and young. If the nearest is full, and another one, the new
 * block is mapped by a PMD. If the nearest is huge, and the one next to it full,
 * the new block is a folio of the same size that is mapped by PTEs, an audit. In
 * a long run they alternate. Smaller blocks take no huge page for evidence, and
 * when one is split, its PTEs are old (__split_huge_pmd_locked()).
 *
 * What the program asks for, by locking the VMA or by MADV_POPULATE_WRITE, needs
 * no evidence. It is mapped young, and counts as accessed.
 *
 * The bound
 *
 * First without huge blocks. Take the blocks that were made going upwards and
 * hold a page that was never accessed (of two that overlap, as a part was zapped
 * and made again, the larger): they were wasted. The windows of two of them are
 * disjoint: a window ends where its block begins, so if those of B and B', with
 * B below B', shared a page, that of B' would hold all of B, and B would have
 * been accessed in full. Each block has at most 2^n - 1 such pages, and its
 * window AHEAD_EVIDENCE * 2^n pages that were accessed, or more. The same holds
 * going downwards. So of all pages made, those that were never accessed are fewer
 * than 2 / AHEAD_EVIDENCE of those that were, and fewer than 1 / AHEAD_EVIDENCE
 * if all went in one direction. Where fewer than AHEAD_EVIDENCE <<
 * AHEAD_MIN_ORDER neighbours are accessed there are none.
 *
 * Huge blocks: number them. Going upwards, charge a wasted block to the block
 * just below it if that was full, else to the one below that, which was full
 * then. So V is charged for V+1, and for V+2 if V+1 is huge. If for both, V+1 is
 * huge, so of V-1 and V-2 one was full. If V-1 was, nothing is charged to it: V is
 * not wasted, and not huge. If it was not, V-1 is huge and V-2 is charged for
 * nothing else, as V is not wasted. Either way V shares its two charges with
 * another block, which has one at most and shares with no other: 3/2 huge blocks
 * wasted for each that was accessed in full, in a direction. No smaller wasted
 * block has a page of V in its window as well: it would lie in V+1, or its window
 * would reach across. So if there are huge blocks, fewer than three pages were
 * made in vain for each that was accessed. The worst known is 4/3: three blocks
 * in full, and a page of each of two on both sides.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include "internal.h"
#include "tamalloc.h"

/* The largest folio made ahead: 1M. */
#define AHEAD_MAX_ORDER		8

/* Pages in the window for each page of the block, and above 128K. */
#define AHEAD_EVIDENCE		3
#define AHEAD_FAST_ORDER	5
#define AHEAD_EVIDENCE_MORE	4

/* Huge blocks that have to be used before one is made. */
#define HUGE_EVIDENCE		3

/* So many PTEs are looked at together where there are many. */
#define PTES_AT_ONCE		16

/*
 * Whether all PTEs of @bytes, from @pte, have been accessed. What is true of the
 * flags that all have and of those that any has is true of each.
 */
static bool ptes_accessed(pte_t *pte, unsigned long bytes)
{
	const pte_t *last = pte + (bytes >> PAGE_SHIFT);

	while (last - pte >= PTES_AT_ONCE) {
		pteval_t all = ~(pteval_t)0, any = 0;
		int i;

		for (i = 0; i < PTES_AT_ONCE; i++) {
			pteval_t val = pte_val(ptep_get_lockless(pte + i));

			all &= val;
			any |= val;
		}
		if (!pte_present(__pte(all)) || !pte_young(__pte(all)) ||
		    pte_special(__pte(any)))
			break;
		pte += PTES_AT_ONCE;
	}
	while (pte < last && pte_accessed(ptep_get_lockless(pte)))
		pte++;
	return pte == last;
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

enum block_use {
	BLOCK_UNUSED,
	BLOCK_HUGE,	/* mapped by a PMD: something of it was accessed */
	BLOCK_PAGES,	/* mapped by PTEs: all of it was accessed */
};

/* What is known of the huge block at @addr, which is not that of the faulting address. */
static enum block_use block_use(struct vm_fault *vmf, unsigned long addr)
{
	pmd_t *pmd = mm_find_pmd(vmf->vma->vm_mm, addr);
	pmd_t entry;

	if (!pmd)
		return BLOCK_UNUSED;
	entry = pmdp_get_lockless(pmd);
	if (pmd_present(entry) && pmd_trans_huge(entry))
		return pmd_young(entry) ? BLOCK_HUGE : BLOCK_UNUSED;
	return range_accessed(vmf, NULL, addr, addr + PMD_SIZE) ? BLOCK_PAGES :
								  BLOCK_UNUSED;
}

/*
 * Whether there is evidence for the huge block that begins or ends with the
 * faulting page, to be mapped by a PMD if @by_pmd, else by PTEs.
 */
static bool huge_evident(struct vm_fault *vmf, bool by_pmd)
{
	const struct vm_area_struct *vma = vmf->vma;
	const unsigned long block = vmf->address & PMD_MASK;
	const bool up = vmf->address == block;
	enum block_use use[HUGE_EVIDENCE];
	int i;

	if (!up && vmf->address + PAGE_SIZE != block + PMD_SIZE)
		return false;
	if (block < vma->vm_start || vma->vm_end - block < PMD_SIZE)
		return false;
	if ((up ? block - vma->vm_start : vma->vm_end - block - PMD_SIZE) <
	    HUGE_EVIDENCE * PMD_SIZE)
		return false;

	for (i = 0; i < HUGE_EVIDENCE; i++) {
		use[i] = block_use(vmf, up ? block - (i + 1) * PMD_SIZE :
					     block + (i + 1) * PMD_SIZE);
		if (use[i] == BLOCK_UNUSED || (by_pmd && use[0] != BLOCK_PAGES))
			return false;
	}
	if (use[0] == BLOCK_PAGES)
		return use[1] == BLOCK_PAGES || use[2] == BLOCK_PAGES;
	return use[1] == BLOCK_PAGES;
}

/* No page was made: the PTE is empty or, if @zeros is true, the zero page's. */
static bool pte_untouched(pte_t pte, bool zeros)
{
	return pte_none(pte) || (zeros && pte_zero(pte));
}

/* How many of @nr PTEs from @pte, upwards or downwards, are untouched before one is not. */
static unsigned long count_untouched(pte_t *pte, unsigned long nr, bool up,
				     bool zeros)
{
	unsigned long n = 0;

	while (up && nr - n >= PTES_AT_ONCE) {
		pteval_t any = 0;
		int i;

		for (i = 0; i < PTES_AT_ONCE; i++)
			any |= pte_val(ptep_get_lockless(pte + i));
		if (!pte_none(__pte(any)))
			break;
		pte += PTES_AT_ONCE;
		n += PTES_AT_ONCE;
	}
	while (n < nr && pte_untouched(ptep_get_lockless(pte), zeros)) {
		pte += up ? 1 : -1;
		n++;
	}
	return n;
}

/*
 * The largest order up to @max for which the block that holds the faulting page
 * is untouched and inside the VMA. @pte is that of the faulting address.
 */
static int untouched_order(struct vm_fault *vmf, pte_t *pte, int max, bool zeros)
{
	const struct vm_area_struct *vma = vmf->vma;
	int order;

	for (order = max; order >= AHEAD_MIN_ORDER; order--) {
		unsigned long block = PAGE_SIZE << order;
		unsigned long begin = ALIGN_DOWN(vmf->address, block);
		pte_t *first = pte - ((vmf->address - begin) >> PAGE_SHIFT);

		if (begin >= vma->vm_start && vma->vm_end - begin >= block &&
		    count_untouched(first, 1UL << order, true, zeros) == 1UL << order)
			return order;
	}
	return 0;
}

/*
 * The largest order for which there is evidence and room. @pte is that of the
 * faulting address, the first of a block if @up, else the last.
 */
static int evident_order(struct vm_fault *vmf, pte_t *pte, bool up, bool zeros)
{
	const struct vm_area_struct *vma = vmf->vma;
	/* Between window and block. */
	const unsigned long edge = vmf->address + (up ? 0 : PAGE_SIZE);
	pte_t *table = pte - pte_index(vmf->address);
	const int most = min(AHEAD_MAX_ORDER, tamalloc_vma_order(vma));
	unsigned long seen = 0, untouched;
	int order, best = 0;

	for (order = AHEAD_MIN_ORDER; order <= most; order++) {
		const unsigned long block = PAGE_SIZE << order;
		const unsigned long window = block * (order > AHEAD_FAST_ORDER ?
				AHEAD_EVIDENCE_MORE : AHEAD_EVIDENCE);
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

	untouched = count_untouched(pte, 1UL << best, up, zeros);
	return untouched >> AHEAD_MIN_ORDER ? ilog2(untouched) : 0;
}

/*
 * Whether the page beside the faulting one, in the next table, was accessed, or
 * something of the huge page there: a quick answer in most cases.
 */
static bool neighbour_accessed(struct vm_fault *vmf, bool up)
{
	const struct vm_area_struct *vma = vmf->vma;
	const unsigned long addr = vmf->address + (up ? -PAGE_SIZE : PAGE_SIZE);
	bool accessed;
	pmd_t *pmd, entry;
	pte_t *pte;

	if (addr < vma->vm_start || addr >= vma->vm_end)
		return false;
	pmd = mm_find_pmd(vma->vm_mm, addr);
	if (!pmd)
		return false;
	entry = pmdp_get_lockless(pmd);
	if (pmd_present(entry) && pmd_trans_huge(entry))
		return pmd_young(entry);
	pte = map_table(pmd, addr);
	if (!pte)
		return false;
	accessed = pte_accessed(ptep_get_lockless(pte));
	pte_unmap(pte);
	return accessed;
}

/**
 * tamalloc_choose_order - the part of tamalloc_ahead_order() for what may be more
 * @vmf: the fault; on the first or the last page of a block, or asked for
 * @zeros: as there
 *
 * A guess without the page-table lock: do_anonymous_page() looks again whether
 * the PTEs are empty, and a PTE of the window that is changed meanwhile was
 * accessed nevertheless.
 */
int tamalloc_choose_order(struct vm_fault *vmf, bool zeros)
{
	struct vm_area_struct *vma = vmf->vma;
	/* Locked pages are counted as such before PTEs map them (tamalloc_set_ptes()). */
	const int most = min(vma->vm_flags & VM_LOCKED ? AHEAD_MAX_ORDER : PMD_ORDER,
			     tamalloc_vma_order(vma));
	const unsigned long index = pte_index(vmf->address);
	const bool up = index % (1UL << AHEAD_MIN_ORDER) == 0;
	const int asked = tamalloc_asked_order(vmf);
	bool huge = false;
	int order;
	pte_t *pte;

	if (!tamalloc_may_go_ahead(vma))
		return 0;
	if (asked < 0 && index == (up ? 0 : PTRS_PER_PTE - 1)) {
		if (!neighbour_accessed(vmf, up))
			return 0;
		huge = most > AHEAD_MAX_ORDER && huge_evident(vmf, false);
	}

	pte = map_table(vmf->pmd, vmf->address);
	if (!pte)
		return 0;
	if (asked >= 0 || huge)
		order = untouched_order(vmf, pte, huge ? most : min(asked, most),
					zeros);
	else
		order = evident_order(vmf, pte, up, zeros);
	pte_unmap(pte);
	return order;
}

/**
 * tamalloc_huge_wanted - whether a first touch may make a huge page
 * @vmf: a fault on an empty PMD in a VM_TAMALLOC VMA
 */
bool tamalloc_huge_wanted(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	const unsigned long block = vmf->address & PMD_MASK;
	const unsigned long index = pte_index(vmf->address);
	const int asked = tamalloc_asked_order(vmf);

	if (asked < 0) {
		/* Neither the first nor the last page of the block. */
		if (index && index != PTRS_PER_PTE - 1)
			return false;
		return neighbour_accessed(vmf, !index) &&
		       tamalloc_vma_order(vma) == PMD_ORDER &&
		       tamalloc_may_go_ahead(vma) && huge_evident(vmf, true);
	}
	return asked == PMD_ORDER && tamalloc_vma_order(vma) == PMD_ORDER &&
	       tamalloc_may_go_ahead(vma) && block >= vma->vm_start &&
	       vma->vm_end - block >= PMD_SIZE;
}
