// SPDX-License-Identifier: MIT
/*
 * numa/local, numa/interleave, numa/node0: anonymous mappings with a memory policy (mbind), each
 * page on its first touch. On a machine with one node they show what the policy itself costs.
 */
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "mapping.h"

#define MAX_NODES 1024
#define WORD_BITS (8 * sizeof(unsigned long))

static unsigned long allowed[MAX_NODES / WORD_BITS]; /* the nodes that we may use */

static bool supported(char *reason, size_t reason_bytes)
{
	if (!syscall(SYS_get_mempolicy, NULL, allowed, MAX_NODES, NULL, MPOL_F_MEMS_ALLOWED))
		return true;
	if (errno == ENOSYS)
		snprintf(reason, reason_bytes, "this kernel has no NUMA policies (CONFIG_NUMA)");
	else
		snprintf(reason, reason_bytes, "get_mempolicy is refused: %s", strerror(errno));
	return false;
}

static bool supported_node0(char *reason, size_t reason_bytes)
{
	if (!supported(reason, reason_bytes))
		return false;
	if (allowed[0] & 1)
		return true;
	snprintf(reason, reason_bytes, "memory of node 0 is not ours to use (cpuset)");
	return false;
}

static int prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)ctx;
	(void)size_bytes;
	(void)fill;
	return syscall(SYS_get_mempolicy, NULL, allowed, MAX_NODES, NULL, MPOL_F_MEMS_ALLOWED)
		       ? -errno
		       : 0;
}

static int alloc(size_t size_bytes, unsigned char fill, int policy, const unsigned long *nodes,
		 struct block *block)
{
	size_t bytes;
	int error = mapping_bytes(size_bytes, page_bytes(), &bytes);
	void *addr;

	if (error)
		return error;
	addr = mapping_new(bytes, 0);
	if (!addr)
		return -errno;
	if (syscall(SYS_mbind, addr, bytes, policy, nodes, nodes ? MAX_NODES : 0, 0)) {
		error = -errno;
		munmap(addr, bytes);
		return error;
	}
	return mapping_give(addr, bytes, fill, block);
}

static int alloc_local(struct alloc_ctx *ctx, size_t size, unsigned char fill, struct block *block)
{
	(void)ctx;
	return alloc(size, fill, MPOL_LOCAL, NULL, block);
}

static int alloc_interleave(struct alloc_ctx *ctx, size_t size, unsigned char fill,
			    struct block *block)
{
	(void)ctx;
	return alloc(size, fill, MPOL_INTERLEAVE, allowed, block);
}

static int alloc_node0(struct alloc_ctx *ctx, size_t size, unsigned char fill, struct block *block)
{
	static const unsigned long node0[MAX_NODES / WORD_BITS] = {1};

	(void)ctx;
	return alloc(size, fill, MPOL_BIND, node0, block);
}

static struct allocator subjects[] = {
	{
		.name = "numa/local",
		.summary = "mmap, bound to the node of the processor that touches (MPOL_LOCAL)",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
		.supported = supported,
		.alloc = alloc_local,
		.release = mapping_release,
	},
	{
		.name = "numa/interleave",
		.summary = "mmap, page by page over all nodes (MPOL_INTERLEAVE)",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
		.supported = supported,
		.prepare = prepare,
		.alloc = alloc_interleave,
		.release = mapping_release,
	},
	{
		.name = "numa/node0",
		.summary = "mmap, bound to node 0 (MPOL_BIND)",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
		.supported = supported_node0,
		.alloc = alloc_node0,
		.release = mapping_release,
	},
};

REGISTER_ALLOCATORS(subjects)
