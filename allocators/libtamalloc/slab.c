// SPDX-License-Identifier: MIT
#include "lock.h"
#include "prim.h"
#include "slab.h"

#define SLAB_BYTES	   ((size_t)1 << 20)
#define SLAB_SHIFT	   20
#define ADDRESS_BITS	   48 /* of user space; a slab beyond is not used */
#define LEAF_BITS	   14
#define N_LEAVES	   ((size_t)1 << (ADDRESS_BITS - SLAB_SHIFT - LEAF_BITS))
#define INVERSE_SHIFT	   40 /* exact for offsets below 2^20 and sizes up to 2^15 */
#define MIN_ALIGN	   64 /* of the first block */
#define STRETCH_BYTES	   ((size_t)128 << 10) /* of a slab that is made resident in one call, */
#define MOST_SHARING_BYTES ((size_t)16 << 10)  /* for blocks up to this size */

/* A free block, in its own memory. */
struct free_block {
	struct free_block *next;
};

struct slab {
	struct slab *next, *previous; /* of the class, if it has blocks to give */
	struct free_block *free;
	char *first;	  /* block 0 */
	uint64_t inverse; /* of the size */
	unsigned class, count;
	unsigned fresh;	    /* blocks from here on were never given; read without the lock, too */
	unsigned given;	    /* to caches and the program */
	uint32_t populated; /* a bit for each stretch */
	uint16_t states[];
};

static struct slab *partial[TA__N_CLASSES]; /* slabs with blocks to give */

/* One bit for each MiB of address space that is a slab, in leaves made on demand. */
static uint64_t *leaves[N_LEAVES];
static uint64_t slab_bytes;

/* ---- which addresses are slabs ---- */

bool ta__is_small(const void *addr)
{
	uintptr_t number = (uintptr_t)addr >> SLAB_SHIFT;
	size_t leaf_index = number >> LEAF_BITS, bit = number & ((1u << LEAF_BITS) - 1);
	uint64_t *leaf;

	if (leaf_index >= N_LEAVES)
		return false;
	leaf = __atomic_load_n(&leaves[leaf_index], __ATOMIC_ACQUIRE);
	return leaf && __atomic_load_n(&leaf[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1;
}

static bool mark(const struct slab *slab, bool is_slab)
{
	uintptr_t number = (uintptr_t)slab >> SLAB_SHIFT;
	size_t leaf_index = number >> LEAF_BITS, bit = number & ((1u << LEAF_BITS) - 1);
	uint64_t *leaf;

	if (leaf_index >= N_LEAVES)
		return false;
	ta__lock(TA__LOCK_SEGMENTS);
	leaf = leaves[leaf_index];
	if (!leaf)
		leaf = prim_map(((size_t)1 << LEAF_BITS) / 8, false);
	if (leaf) {
		__atomic_store_n(&leaves[leaf_index], leaf, __ATOMIC_RELEASE);
		if (is_slab)
			__atomic_fetch_or(&leaf[bit / 64], UINT64_C(1) << bit % 64,
					  __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&leaf[bit / 64], ~(UINT64_C(1) << bit % 64),
					   __ATOMIC_RELAXED);
		slab_bytes += is_slab ? SLAB_BYTES : -SLAB_BYTES;
	}
	ta__unlock(TA__LOCK_SEGMENTS);
	return leaf;
}

uint64_t ta__slab_bytes(void)
{
	uint64_t bytes;

	ta__lock(TA__LOCK_SEGMENTS);
	bytes = slab_bytes;
	ta__unlock(TA__LOCK_SEGMENTS);
	return bytes;
}

/* ---- slabs of a class; its lock is held ---- */

static void link_slab(struct slab *slab)
{
	struct slab **list = &partial[slab->class];

	slab->previous = NULL;
	slab->next = *list;
	if (*list)
		(*list)->previous = slab;
	*list = slab;
}

static void unlink_slab(struct slab *slab)
{
	if (slab->previous)
		slab->previous->next = slab->next;
	else
		partial[slab->class] = slab->next;
	if (slab->next)
		slab->next->previous = slab->previous;
}

static char *map_aligned(void)
{
	char *addr = prim_map(SLAB_BYTES, false);
	size_t head;

	if (!addr || !((uintptr_t)addr % SLAB_BYTES))
		return addr;
	prim_unmap(addr, SLAB_BYTES);
	addr = prim_map(2 * SLAB_BYTES, false);
	if (!addr)
		return NULL;
	head = -(uintptr_t)addr % SLAB_BYTES;
	if (head)
		prim_unmap(addr, head);
	prim_unmap(addr + head + SLAB_BYTES, SLAB_BYTES - head);
	return addr + head;
}

static struct slab *make_slab(unsigned class)
{
	size_t size = ta__class_bytes(class), page_bytes = prim_page_bytes(), head;
	/* Blocks of whole pages share none with their neighbours. */
	size_t align = size % page_bytes ? MIN_ALIGN : page_bytes;
	struct slab *slab = (void *)map_aligned();

	if (!slab)
		return NULL;
	slab->class = class;
	slab->inverse = ((UINT64_C(1) << INVERSE_SHIFT) + size - 1) / size;
	slab->count =
		(unsigned)((SLAB_BYTES - sizeof(*slab) - align) / (size + sizeof(*slab->states)));
	head = sizeof(*slab) + slab->count * sizeof(*slab->states);
	slab->first = (char *)slab + ((head + align - 1) & -align);
	if (!mark(slab, true)) {
		prim_unmap(slab, SLAB_BYTES);
		return NULL;
	}
	link_slab(slab);
	return slab;
}

static struct slab *slab_of(const void *addr)
{
	return (void *)((uintptr_t)addr & ~(SLAB_BYTES - 1));
}

static bool is_full(const struct slab *slab)
{
	return slab->given == slab->count;
}

static void *take_one(struct slab *slab)
{
	struct free_block *block = slab->free;

	slab->given++;
	if (block) {
		slab->free = block->next;
		return block;
	}
	block = (void *)(slab->first + ta__class_bytes(slab->class) * slab->fresh);
	__atomic_store_n(&slab->fresh, slab->fresh + 1, __ATOMIC_RELAXED);
	return block;
}

unsigned ta__slab_take(unsigned class, void **blocks, unsigned count)
{
	unsigned taken = 0;

	ta__lock(TA__LOCK_CLASS + class);
	while (taken < count) {
		struct slab *slab = partial[class];

		if (!slab && (taken || !(slab = make_slab(class))))
			break; /* a new slab only for the first block */
		while (taken < count && !is_full(slab))
			blocks[taken++] = take_one(slab);
		if (is_full(slab))
			unlink_slab(slab);
	}
	ta__unlock(TA__LOCK_CLASS + class);
	return taken;
}

/* The link makes dirty also a block that was never handed out. */
static void give_one(void *addr)
{
	struct slab *slab = slab_of(addr);
	struct free_block *block = addr;
	unsigned class;
	uint16_t *state = ta__slab_state(addr, &class);

	*state = *state == TA__FRESH ? TA__FREE | TA__UNFILLED : *state;
	if (is_full(slab))
		link_slab(slab);
	block->next = slab->free;
	slab->free = block;
	slab->given--;
	/* Empty, and not the last with blocks to give: back to the system. */
	if (!slab->given && (slab->next || slab->previous)) {
		unlink_slab(slab);
		mark(slab, false);
		prim_unmap(slab, SLAB_BYTES);
	}
}

void ta__slab_give(unsigned class, void **blocks, unsigned count)
{
	ta__lock(TA__LOCK_CLASS + class);
	for (unsigned i = 0; i < count; i++)
		give_one(blocks[i]);
	ta__unlock(TA__LOCK_CLASS + class);
}

uint16_t *ta__slab_state(const void *addr, unsigned *class)
{
	struct slab *slab = slab_of(addr);
	size_t offset = (size_t)((const char *)addr - slab->first), index;

	if ((const char *)addr < slab->first)
		return NULL;
	index = offset * slab->inverse >> INVERSE_SHIFT;
	if (index >= slab->count || index * ta__class_bytes(slab->class) != offset)
		return NULL;
	*class = slab->class;
	return &slab->states[index];
}

bool ta__slab_populate(const void *block, bool again, uintptr_t *from, uintptr_t *to)
{
	struct slab *slab = slab_of(block);
	size_t size = ta__class_bytes(slab->class), page_bytes = prim_page_bytes();
	uintptr_t start = (uintptr_t)block, stretch = start & -STRETCH_BYTES;
	uintptr_t given =
		(uintptr_t)slab->first + size * __atomic_load_n(&slab->fresh, __ATOMIC_RELAXED);
	uint32_t bit = UINT32_C(1) << start % SLAB_BYTES / STRETCH_BYTES;

	*from = start & -page_bytes;
	*to = (start + size + page_bytes - 1) & -page_bytes;
	if (!again || size > MOST_SHARING_BYTES || given < stretch + STRETCH_BYTES)
		return true;
	if (__atomic_fetch_or(&slab->populated, bit, __ATOMIC_RELAXED) & bit)
		return false;
	*from = stretch;
	if (*to < stretch + STRETCH_BYTES)
		*to = stretch + STRETCH_BYTES;
	return true;
}
