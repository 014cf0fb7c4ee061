// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamalloc(2): private anonymous memory that is filled with a byte of the
 * caller's choice on first access.
 *
 * The pages are ordinary anonymous pages once they are there; all that is
 * special is what an untouched page reads as (here), and how many pages a first
 * touch makes (mm/tamalloc_fault.c).
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/security.h>
#include <linux/syscalls.h>
#include <linux/tamalloc.h>
#include <linux/userfaultfd_k.h>
#include <uapi/linux/tamalloc.h>
#include "tamalloc.h"

SYSCALL_DEFINE3(tamalloc, size_t, size, unsigned int, fill, unsigned int, flags)
{
	vm_flags_t vm_flags = VM_TAMALLOC | (vm_flags_t)fill << VM_FILL_SHIFT;
	unsigned long mmap_flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const unsigned int max_shift = flags >> TAMALLOC_MAX_SHIFT;
	unsigned long prot = PROT_READ | PROT_WRITE;
	struct mm_struct *mm = current->mm;
	unsigned long addr, populate;
	LIST_HEAD(uf);
	int error;

	if (fill > U8_MAX ||
	    (flags & ~(TAMALLOC_ACCOUNT | TAMALLOC_SINGLE |
		       ~0U << TAMALLOC_MAX_SHIFT)))
		return -EINVAL;
	if (max_shift && (max_shift < PAGE_SHIFT + AHEAD_MIN_ORDER ||
			  max_shift > PMD_SHIFT || (flags & TAMALLOC_SINGLE)))
		return -EINVAL;
	if (max_shift)
		vm_flags |= (vm_flags_t)(max_shift - PAGE_SHIFT) << VM_AHEAD_SHIFT;

	/* Without effect under OVERCOMMIT_NEVER, as in mmap(2). */
	if (!(flags & TAMALLOC_ACCOUNT))
		mmap_flags |= MAP_NORESERVE;
	if (flags & TAMALLOC_SINGLE)
		vm_flags |= VM_NOHUGEPAGE;

	error = security_mmap_file(NULL, prot, mmap_flags);
	if (error)
		return error;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	addr = do_mmap(NULL, 0, size, prot, mmap_flags, vm_flags, 0, &populate,
		       &uf);
	mmap_write_unlock(mm);
	userfaultfd_unmap_complete(mm, &uf);

	/* Only after mlockall(MCL_FUTURE). */
	if (populate)
		mm_populate(addr, populate);
	return addr;
}
