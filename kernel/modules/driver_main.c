// SPDX-License-Identifier: GPL-2.0-only
/*
 * Character devices that hand kernel memory to processes, to be compared with
 * tamalloc(2). See tamalloc_driver.h for what they do; one file for each way of
 * making memory, this one for all that they share.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "driver.h"
#include "tamalloc_driver.h"

static atomic_long_t charged_bytes;

bool driver_charge(size_t bytes)
{
	long limit = totalram_pages() / 2 << PAGE_SHIFT;

	if (bytes > limit)
		return false;
	if (atomic_long_add_return(bytes, &charged_bytes) <= limit)
		return true;
	driver_uncharge(bytes);
	return false;
}

void driver_uncharge(size_t bytes)
{
	atomic_long_sub(bytes, &charged_bytes);
}

struct page *driver_alloc_page(u8 fill)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return NULL;
	if (fill)
		memset(page_address(page), fill, PAGE_SIZE);
	else
		clear_page(page_address(page));
	return page;
}

static size_t buffer_size(struct driver_buffer *buf)
{
	/* Pairs with the release in reserve_locked(): whoever sees a size may use the memory. */
	return smp_load_acquire(&buf->size_bytes);
}

static void driver_vma_open(struct vm_area_struct *vma)
{
	struct driver_buffer *buf = vma->vm_private_data;

	atomic_inc(&buf->mappings);
}

static void driver_vma_close(struct vm_area_struct *vma)
{
	struct driver_buffer *buf = vma->vm_private_data;

	atomic_dec(&buf->mappings);
}

/*
 * A page that is not mapped here: lazy makes it, the others have it, and come
 * here after fork() and MADV_DONTNEED.
 */
static vm_fault_t driver_fault(struct vm_fault *vmf)
{
	struct driver_buffer *buf = vmf->vma->vm_private_data;
	struct page *page;

	if (vmf->pgoff >= buffer_size(buf) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;

	page = buf->ops->page(buf, vmf->pgoff);
	if (page == ERR_PTR(-ENOMEM))
		return VM_FAULT_OOM;
	if (IS_ERR(page))
		return VM_FAULT_SIGBUS;

	/* The page table's reference; the buffer keeps its own. */
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct driver_page_vm_ops = {
	.open	= driver_vma_open,
	.close	= driver_vma_close,
	.fault	= driver_fault,
};

static const struct vm_operations_struct driver_pfn_vm_ops = {
	.open	= driver_vma_open,
	.close	= driver_vma_close,
};

static int driver_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct driver_buffer *buf = file->private_data;
	pgoff_t pages = buffer_size(buf) >> PAGE_SHIFT;
	int error = 0;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -ENXIO;
	if (atomic_cmpxchg(&buf->mappings, 0, 1))
		return -EBUSY;

	/* Not to grow; and no LRU pages, which mlock() would take them for. */
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
#else
	vma->vm_flags |= VM_DONTEXPAND | VM_DONTDUMP;
#endif
	vma->vm_private_data = buf;
	vma->vm_ops = buf->ops->pfn_map ? &driver_pfn_vm_ops : &driver_page_vm_ops;
	if (buf->ops->map)
		error = buf->ops->map(buf, vma);
	/* After an error there is no close(). */
	if (error)
		atomic_dec(&buf->mappings);
	return error;
}

static ssize_t driver_rw_iter(struct kiocb *iocb, struct iov_iter *iter, bool write)
{
	struct driver_buffer *buf = iocb->ki_filp->private_data;
	size_t size = buffer_size(buf);
	size_t offset, wanted, moved;
	struct page *page;
	ssize_t done = 0;

	if (iocb->ki_pos >= size)
		return write && iov_iter_count(iter) ? -ENOSPC : 0;

	while (iov_iter_count(iter) && iocb->ki_pos < size) {
		offset = offset_in_page(iocb->ki_pos);
		wanted = min(PAGE_SIZE - offset, iov_iter_count(iter));
		page = buf->ops->page(buf, iocb->ki_pos >> PAGE_SHIFT);
		if (IS_ERR(page))
			return done ? done : PTR_ERR(page);

		if (write)
			moved = copy_from_iter(page_address(page) + offset, wanted, iter);
		else
			moved = copy_to_iter(page_address(page) + offset, wanted, iter);
		iocb->ki_pos += moved;
		done += moved;
		if (moved < wanted)
			return done ? done : -EFAULT;
		if (fatal_signal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

static ssize_t driver_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return driver_rw_iter(iocb, to, false);
}

static ssize_t driver_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return driver_rw_iter(iocb, from, true);
}

static loff_t driver_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, buffer_size(file->private_data));
}

static int reserve_locked(struct driver_buffer *buf, size_t bytes, u8 fill)
{
	int error;

	if (buf->size_bytes)
		return -EBUSY;
	if (!buf->ops->lazy && !driver_charge(bytes))
		return -ENOMEM;

	buf->fill = fill;
	error = buf->ops->reserve(buf, bytes);
	if (error) {
		if (!buf->ops->lazy)
			driver_uncharge(bytes);
		return error;
	}
	/* Only now may mmap(), read() and write() use it: buffer_size(). */
	smp_store_release(&buf->size_bytes, bytes);
	return 0;
}

static long driver_reserve(struct driver_buffer *buf, const void __user *arg)
{
	struct tamalloc_driver_reserve wish;
	int error;

	if (copy_from_user(&wish, arg, sizeof(wish)))
		return -EFAULT;
	if (!wish.size_bytes || wish.fill > U8_MAX || wish.reserved)
		return -EINVAL;
	if (wish.fill && buf->ops->zeros_only)
		return -EOPNOTSUPP;
	if (wish.size_bytes > TASK_SIZE)
		return -ENOMEM;

	if (mutex_lock_killable(&buf->lock))
		return -EINTR;
	error = reserve_locked(buf, PAGE_ALIGN(wish.size_bytes), wish.fill);
	mutex_unlock(&buf->lock);
	return error;
}

static long driver_info(struct driver_buffer *buf, void __user *arg)
{
	struct tamalloc_driver_info info = {
		.reserved_bytes	= buffer_size(buf),
		.mappings	= atomic_read(&buf->mappings),
	};

	if (info.reserved_bytes) {
		info.held_bytes = atomic_long_read(&buf->held_bytes);
		info.fill = buf->fill;
	}
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long driver_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TAMALLOC_DRIVER_RESERVE:
		return driver_reserve(file->private_data, (void __user *)arg);
	case TAMALLOC_DRIVER_INFO:
		return driver_info(file->private_data, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int driver_open(struct inode *inode, struct file *file);

static int driver_release(struct inode *inode, struct file *file)
{
	struct driver_buffer *buf = file->private_data;

	if (buf->size_bytes) {
		buf->ops->release(buf);
		driver_uncharge(buf->ops->lazy ? atomic_long_read(&buf->held_bytes) :
						 buf->size_bytes);
	}
	kfree(buf);
	return 0;
}

static const struct file_operations driver_fops = {
	.owner		= THIS_MODULE,
	.open		= driver_open,
	.release	= driver_release,
	.llseek		= driver_llseek,
	.read_iter	= driver_read_iter,
	.write_iter	= driver_write_iter,
	.unlocked_ioctl	= driver_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= driver_mmap,
};

/* A device and what it does. */
struct driver_device {
	struct miscdevice misc;
	const struct driver_ops *ops;
};

#define DRIVER_DEVICE(device) {						\
	.misc = {							\
		.minor		= MISC_DYNAMIC_MINOR,			\
		.name		= "tamalloc-" #device,			\
		.nodename	= "tamalloc/" #device,			\
		.fops		= &driver_fops,				\
		.mode		= 0600,					\
	},								\
	.ops = &device##_ops,						\
}

static struct driver_device devices[] = {
	DRIVER_DEVICE(kmalloc_memset),
	DRIVER_DEVICE(kzalloc),
	DRIVER_DEVICE(vzalloc),
	DRIVER_DEVICE(pages),
	DRIVER_DEVICE(lazy),
};

static int driver_open(struct inode *inode, struct file *file)
{
	/* misc_open() left the miscdevice there. */
	struct driver_device *device = container_of(file->private_data,
						    struct driver_device, misc);
	struct driver_buffer *buf = kzalloc(sizeof(*buf), GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	buf->ops = device->ops;
	mutex_init(&buf->lock);
	file->private_data = buf;
	return 0;
}

static int __init tamalloc_driver_init(void)
{
	int i, error;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		error = misc_register(&devices[i].misc);
		if (error)
			goto deregister;
	}
	return 0;

deregister:
	while (i--)
		misc_deregister(&devices[i].misc);
	return error;
}

static void __exit tamalloc_driver_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(devices); i++)
		misc_deregister(&devices[i].misc);
}

module_init(tamalloc_driver_init);
module_exit(tamalloc_driver_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Kernel memory for processes, made eagerly or on first access");
