/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of tamalloc(2) share. */
#ifndef _MM_TAMALLOC_H
#define _MM_TAMALLOC_H

#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/tamalloc.h>
#include <linux/userfaultfd_k.h>

/* The smallest folio made ahead: 16K, the smallest that anonymous memory has. */
#define AHEAD_MIN_ORDER		2

/* Set by sysfs: the largest folio (0: a page), and the most zero pages, of a fault. */
extern int tamalloc_max_order;
extern unsigned long tamalloc_zero_pages;

/* The largest folio that a fault in @vma may make: the administrator's and the caller's limit. */
static inline int tamalloc_vma_order(const struct vm_area_struct *vma)
{
	int order = READ_ONCE(tamalloc_max_order);
	int own = vma_ahead_max(vma);

	return own ? min(own, order) : order;
}

/*
 * The order of what is asked for, and so needs no evidence: all of a locked VMA, and
 * as much as is left of what MADV_POPULATE_WRITE names. -1 for other faults.
 */
static inline int tamalloc_asked_order(const struct vm_fault *vmf)
{
	const vm_flags_t locked = VM_LOCKED | VM_LOCKONFAULT;

	if ((vmf->vma->vm_flags & locked) == VM_LOCKED)
		return PMD_ORDER;
	return (int)(vmf->flags >> FAULT_POPULATE_SHIFT) - 1;
}

/*
 * Whether a fault may do more than was asked for: not where userfaultfd is told
 * of each page, after MADV_NOHUGEPAGE or with TAMALLOC_SINGLE.
 */
static inline bool tamalloc_may_go_ahead(struct vm_area_struct *vma)
{
	return IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
	       !userfaultfd_armed(vma) && !vma_thp_disabled(vma, vma->vm_flags);
}

static inline bool pte_zero(pte_t pte)
{
	return pte_present(pte) && is_zero_pfn(pte_pfn(pte));
}

/* Has been accessed since it was made. The only special PTE here is the zero page's. */
static inline bool pte_accessed(pte_t pte)
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

/* The same for pte_offset_map_lock(). */
static inline pte_t *map_table_lock(struct mm_struct *mm, pmd_t *pmd,
				    unsigned long addr, spinlock_t **ptl)
{
	pte_t *pte;

	__cond_lock(RCU, pte = pte_offset_map_lock(mm, pmd, addr, ptl));
	return pte;
}

int tamalloc_choose_order(struct vm_fault *vmf, bool zeros);
bool tamalloc_huge_wanted(struct vm_fault *vmf);

/**
 * tamalloc_ahead_order - how much a first touch may make
 * @vmf: a fault on an untouched page of a VM_TAMALLOC VMA, page table allocated
 * @zeros: the zero page counts as untouched; only where the fill is 0
 *
 * Return: the order of the folio, which is aligned to its size and holds the
 * faulting page; 0 if it is one page.
 */
static inline int tamalloc_ahead_order(struct vm_fault *vmf, bool zeros)
{
	const unsigned long index = pte_index(vmf->address);
	const unsigned long step = index % (1UL << AHEAD_MIN_ORDER);
	pmd_t pmd;
	pte_t *pte;

	if (tamalloc_asked_order(vmf) >= 0)
		return tamalloc_choose_order(vmf, zeros);

	/* Neither the first nor the last page of a block of any order. */
	if (step && step != (1UL << AHEAD_MIN_ORDER) - 1)
		return 0;
	/*
	 * The nearest page of the window settles most cases, if it is in this
	 * table, which stays for as long as the VMA is read-locked. (Another
	 * thread may have made a huge page here meanwhile.)
	 */
	if (index && index != PTRS_PER_PTE - 1) {
		pmd = pmdp_get_lockless(vmf->pmd);
		if (!pmd_present(pmd) || pmd_leaf(pmd))
			return 0;
		pte = pte_offset_kernel(&pmd, vmf->address) + (step ? 1 : -1);
		if (!pte_accessed(ptep_get_lockless(pte)))
			return 0;
	}
	return tamalloc_choose_order(vmf, zeros);
}

#endif /* _MM_TAMALLOC_H */
