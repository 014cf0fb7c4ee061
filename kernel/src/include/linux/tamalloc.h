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

#else /* !CONFIG_TAMALLOC */

static inline bool vma_is_tamalloc(const struct vm_area_struct *vma)
{
	return false;
}

static inline u8 vma_fill_byte(const struct vm_area_struct *vma)
{
	return 0;
}

#endif /* CONFIG_TAMALLOC */

#ifdef CONFIG_TAMALLOC_DEBUG_ALL
vm_flags_t tamalloc_debug_flags(vm_flags_t vm_flags);
#else
static inline vm_flags_t tamalloc_debug_flags(vm_flags_t vm_flags)
{
	return 0;
}
#endif

/* Only for what the above say yes to: calls compile to nothing without. */
struct folio *tamalloc_alloc_folio(struct vm_fault *vmf);
void tamalloc_set_ptes(struct vm_fault *vmf, unsigned long addr, pte_t entry,
		       int nr);
struct page *tamalloc_dump_page(unsigned long addr);

#endif /* _LINUX_TAMALLOC_H */
