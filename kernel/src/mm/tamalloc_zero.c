// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zero page in tamalloc(2) memory whose fill is 0: it stands in for untouched
 * pages that are read. Nothing is committed, so a sequential reader gets many at
 * once; and where a writer follows, they give way to folios made ahead.
 */
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/tamalloc.h>
#include "internal.h"
#include "tamalloc.h"

/* So many zero pages in a row are a sequential reader. */
#define ZERO_RUN_MIN		4

/* How many of up to @nr PTEs from @pte, upwards or downwards, hold the zero page. */
static unsigned long count_zero(pte_t *pte, unsigned long nr, bool up)
{
	unsigned long zero = 0;

	while (zero < nr && pte_zero(ptep_get_lockless(pte))) {
		pte += up ? 1 : -1;
		zero++;
	}
	return zero;
}

/*
 * How many zero pages there are in a row before the faulting page, or behind it,
 * in its page table or, if it is at the edge of that, in the next. At most @max.
 */
static unsigned long zero_run(const struct vm_fault *vmf, bool before,
			      unsigned long max)
{
	const struct vm_area_struct *vma = vmf->vma;
	const unsigned long addr = vmf->address + (before ? -PAGE_SIZE : PAGE_SIZE);
	unsigned long nr, run;
	pte_t *pte;
	pmd_t *pmd;

	if (addr < vma->vm_start || addr >= vma->vm_end)
		return 0;
	nr = before ? min3((addr - vma->vm_start) >> PAGE_SHIFT, pte_index(addr),
			   max - 1) :
		      min3((vma->vm_end - 1 - addr) >> PAGE_SHIFT,
			   PTRS_PER_PTE - 1 - pte_index(addr), max - 1);
	if (!((addr ^ vmf->address) & PMD_MASK))
		return count_zero(vmf->pte + (before ? -1 : 1), nr + 1, !before);

	pmd = mm_find_pmd(vma->vm_mm, addr);
	if (!pmd)
		return 0;
	pte = map_table(pmd, addr);
	if (!pte)
		return 0;
	run = count_zero(pte, nr + 1, !before);
	pte_unmap(pte);
	return run;
}

/**
 * tamalloc_zero_around - map the zero page for what will be read next
 * @vmf: a read fault in a VM_TAMALLOC VMA whose fill is 0; the PTE is mapped and
 *	locked, and still empty
 * @entry: what is put there: the zero page
 *
 * If there are zero pages just before the faulting page, as many are mapped
 * behind it, up to the first PTE that is not empty; or the other way round. All
 * within the page table and the VMA.
 */
void tamalloc_zero_around(struct vm_fault *vmf, pte_t entry)
{
	struct vm_area_struct *vma = vmf->vma;
	const unsigned long max = READ_ONCE(tamalloc_zero_pages);
	unsigned long addr = vmf->address, nr;
	pte_t *pte = vmf->pte;
	bool up = true;

	/* The nearest pages settle most cases. */
	if (pte_index(addr) && pte_index(addr) != PTRS_PER_PTE - 1 &&
	    !pte_zero(ptep_get_lockless(pte - 1)) &&
	    !pte_zero(ptep_get_lockless(pte + 1)))
		return;
	if (max < ZERO_RUN_MIN || !tamalloc_may_go_ahead(vma))
		return;

	nr = zero_run(vmf, true, max);
	if (nr < ZERO_RUN_MIN) {
		nr = zero_run(vmf, false, max);
		up = false;
	}
	if (nr < ZERO_RUN_MIN)
		return;
	nr = up ? min3(nr, PTRS_PER_PTE - 1 - pte_index(addr),
		       ((vma->vm_end - addr) >> PAGE_SHIFT) - 1) :
		  min3(nr, pte_index(addr), (addr - vma->vm_start) >> PAGE_SHIFT);
	while (nr--) {
		addr += up ? PAGE_SIZE : -PAGE_SIZE;
		pte += up ? 1 : -1;
		if (!pte_none(ptep_get(pte)))
			break;
		set_pte_at(vma->vm_mm, addr, pte, entry);
	}
}

/**
 * tamalloc_drop_zeros - take away zero pages where more than one page can be made
 * @vmf: a write fault on a PTE of a VM_TAMALLOC VMA that maps no page of its own;
 *	no lock of the page table held
 *
 * Where the PTE holds the zero page, and there is evidence that the block around
 * it will be used, all zero pages of the block go. They stood for untouched pages,
 * so nobody can tell.
 *
 * Return: whether the fault is now a first touch, on an empty PTE.
 */
bool tamalloc_drop_zeros(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	struct mmu_notifier_range range;
	unsigned long addr, start, end;
	pte_t *first, *pte;
	int order;

	if ((vmf->flags & FAULT_FLAG_UNSHARE) || vma_fill_byte(vma) ||
	    !pte_zero(vmf->orig_pte))
		return false;
	order = tamalloc_ahead_order(vmf, true);
	if (!order)
		return false;

	start = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	end = start + (PAGE_SIZE << order);
	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, start, end);
	mmu_notifier_invalidate_range_start(&range);
	first = map_table_lock(mm, vmf->pmd, start, &vmf->ptl);
	if (first) {
		for (addr = start, pte = first; addr < end; addr += PAGE_SIZE, pte++) {
			pte_t old = ptep_get(pte);

			if (!pte_zero(old))
				continue;
			ksm_might_unmap_zero_page(mm, old);
			ptep_get_and_clear(mm, addr, pte);
		}
		flush_tlb_range(vma, start, end);
		pte_unmap_unlock(first, vmf->ptl);
	}
	mmu_notifier_invalidate_range_end(&range);
	vmf->flags &= ~FAULT_FLAG_ORIG_PTE_VALID;
	return true;
}
