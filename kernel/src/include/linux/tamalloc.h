/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _LINUX_TAMALLOC_H
#define _LINUX_TAMALLOC_H

#include <linux/mm.h>

/*
 * Memory of tamalloc(2) is private anonymous memory whose VMA carries
 * VM_TAMALLOC and, in VM_FILL_MASK, the byte that untouched pages read as.
 * Both are part of vm_flags: VMAs of different fill never merge, and split,
 * fork and mremap hand them on without knowing of them.
 */
#ifdef CONFIG_TAMALLOC

/* In four more bits of vm_flags: what TAMALLOC_MAX_* allows. */
#define VM_AHEAD_SHIFT		56
#define VM_AHEAD_BITS		0xfUL

static inline bool vma_is_tamalloc(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_TAMALLOC;
}

/*
 * The byte that untouched pages of @vma read as. If it is not 0, the zero page
 * must not stand in for an untouched page. (One may be there still: KSM and
 * UFFDIO_ZEROPAGE put it where the contents are zero.)
 */
static inline u8 vma_fill_byte(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_FILL_MASK) >> VM_FILL_SHIFT;
}

/* log2 of the pages in the largest folio that TAMALLOC_MAX_* allows; 0 if it was not given. */
static inline unsigned int vma_ahead_max(const struct vm_area_struct *vma)
{
	return vma->vm_flags >> VM_AHEAD_SHIFT & VM_AHEAD_BITS;
}

#else /* !CONFIG_TAMALLOC */

static inline bool vma_is_tamalloc(const struct vm_area_struct *vma)
{
	return false;
}

static inline u8 vma_fill_byte(const struct vm_area_struct *vma)
{
	return 0;
}

static inline unsigned int vma_ahead_max(const struct vm_area_struct *vma)
{
	return 0;
}

#endif /* CONFIG_TAMALLOC */

/*
 * In fault flags: 1 + log2 of the pages that MADV_POPULATE_WRITE asks for, a block
 * that begins with the faulting page; 0 if it is not its fault.
 */
#define FAULT_POPULATE_SHIFT	28

#ifdef CONFIG_TAMALLOC_DEBUG_ALL
vm_flags_t tamalloc_debug_flags(vm_flags_t vm_flags);
#else
static inline vm_flags_t tamalloc_debug_flags(vm_flags_t vm_flags)
{
	return 0;
}
#endif

/* Only for what the above say yes to: calls compile to nothing without. */
vm_fault_t tamalloc_huge_fault(struct vm_fault *vmf);
vm_fault_t tamalloc_map_huge(struct vm_fault *vmf, struct folio *folio,
			     gfp_t gfp);
void tamalloc_fill_folio(struct folio *folio, u8 fill);
struct folio *tamalloc_alloc_folio(struct vm_fault *vmf);
void tamalloc_set_ptes(struct vm_fault *vmf, unsigned long addr, pte_t entry,
		       int nr);
void tamalloc_zero_around(struct vm_fault *vmf, pte_t entry);
bool tamalloc_drop_zeros(struct vm_fault *vmf);
struct page *tamalloc_dump_page(unsigned long addr);

#endif /* _LINUX_TAMALLOC_H */
