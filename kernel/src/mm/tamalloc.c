// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamalloc(2): private anonymous memory that is filled with a byte of the
 * caller's choice, each page on its own first access.
 *
 * The pages are ordinary anonymous pages once they are there; all that is
 * special is what an untouched page reads as. So there is no fault handler
 * here: do_anonymous_page() asks tamalloc_alloc_folio() for the folio, and does
 * the rest (page-table lock and re-check, userfaultfd, rmap, LRU, accounting)
 * as for any anonymous memory.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/limits.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/syscalls.h>
#include <linux/tamalloc.h>
#include <linux/userfaultfd_k.h>
#include <linux/wordpart.h>
#include <uapi/linux/tamalloc.h>

static void fill_page(struct page *page, u8 fill)
{
	void *kaddr = kmap_local_page(page);

	memset64(kaddr, REPEAT_BYTE(fill), PAGE_SIZE / sizeof(u64));
	kunmap_local(kaddr);
	flush_dcache_page(page);
}

/**
 * tamalloc_alloc_folio - allocate and fill the folio for a first touch
 * @vmf: a fault on an empty PTE in a VM_TAMALLOC VMA, page table allocated
 *
 * The one place that decides how much memory a first touch commits: one page.
 * The folio is charged to the memory cgroup of the VMA's mm and placed by its
 * memory policy. It holds the fill byte and is not yet marked up to date.
 *
 * Context: as do_anonymous_page(): mmap_lock or VMA lock held for read; sleeps.
 * Return: the folio, with one reference, or NULL if there is no memory.
 */
struct folio *tamalloc_alloc_folio(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	u8 fill = vma_fill_byte(vma);
	struct folio *folio;

	/* Zeroing is left to the allocator, which may have done so already. */
	if (fill)
		folio = vma_alloc_folio(GFP_HIGHUSER_MOVABLE, 0, vma,
					vmf->address, false);
	else
		folio = vma_alloc_zeroed_movable_folio(vma, vmf->address);
	if (!folio)
		return NULL;

	if (mem_cgroup_charge(folio, vma->vm_mm, GFP_KERNEL)) {
		folio_put(folio);
		return NULL;
	}
	folio_throttle_swaprate(folio, GFP_KERNEL);

	if (fill)
		fill_page(&folio->page, fill);
	return folio;
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
	struct page *page;
	u8 fill = 0;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return NULL;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma)
		fill = vma_fill_byte(vma);
	mmap_read_unlock(mm);

	fill_page(page, fill);
	return page;
}

SYSCALL_DEFINE3(tamalloc, size_t, size, unsigned int, fill, unsigned int, flags)
{
	unsigned long mmap_flags = MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned long prot = PROT_READ | PROT_WRITE;
	struct mm_struct *mm = current->mm;
	unsigned long addr, populate;
	LIST_HEAD(uf);
	int error;

	if (fill > U8_MAX || (flags & ~TAMALLOC_ACCOUNT))
		return -EINVAL;

	/* Without effect under OVERCOMMIT_NEVER, as in mmap(2). */
	if (!(flags & TAMALLOC_ACCOUNT))
		mmap_flags |= MAP_NORESERVE;

	error = security_mmap_file(NULL, prot, mmap_flags);
	if (error)
		return error;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	addr = do_mmap(NULL, 0, size, prot, mmap_flags,
		       VM_TAMALLOC | (vm_flags_t)fill << VM_FILL_SHIFT, 0,
		       &populate, &uf);
	mmap_write_unlock(mm);
	userfaultfd_unmap_complete(mm, &uf);

	/* Only after mlockall(MCL_FUTURE). */
	if (populate)
		mm_populate(addr, populate);
	return addr;
}
