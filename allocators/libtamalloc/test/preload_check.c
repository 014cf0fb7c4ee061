// SPDX-License-Identifier: MIT
/*
 * Run under LD_PRELOAD=libtamalloc-preload.so by preload.bats; knows nothing of tamalloc. Each
 * pointer, whoever made it, survives every call that takes one. Exits with 1 at what is wrong.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

#define EXPECT(condition)                                                                       \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                               \
		}                                                                               \
	} while (0)

static void *launder(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

static size_t launder_size(size_t size)
{
	return (size_t)launder((void *)size);
}

/* tamalloc's large blocks start at a page; glibc's 16 bytes behind one. */
static bool is_ours(const void *ptr)
{
	return (uintptr_t)ptr % 4096 == 0;
}

static void expect_bytes(const unsigned char *bytes, size_t from, size_t to, unsigned char byte)
{
	for (size_t i = from; i < to; i++)
		EXPECT(bytes[i] == byte);
}

static void large_callocs_are_ours(void)
{
	unsigned char *large = launder(calloc(10, MIB)), *small = launder(calloc(10, 10)),
		      *other = launder(malloc(10 * MIB));

	EXPECT(is_ours(large) && !is_ours(small) && !is_ours(other));
	expect_bytes(large, 0, 10 * MIB, 0);
	EXPECT(malloc_usable_size(large) == 10 * MIB);
	EXPECT(malloc_usable_size(small) >= 100 && malloc_usable_size(other) >= 10 * MIB);
	errno = 0;
	EXPECT(!calloc(launder_size((size_t)1 << 33), (size_t)1 << 33) && errno == ENOMEM);
	EXPECT(!calloc(launder_size(PTRDIFF_MAX), 1) && errno == ENOMEM);
	errno = 4711;
	free(large);
	free(small);
	free(other);
	free(NULL);
	EXPECT(errno == 4711);
}

static void realloc_of_any_pointer(void)
{
	static const size_t sizes[] = {1, 100, 32768, 40000, 200000, MIB, 3 * MIB + 5, 20 * MIB};
	const size_t n = sizeof(sizes) / sizeof(*sizes);

	for (size_t from = 0; from < n; from++)
		for (size_t to = 0; to < n; to++)
			for (unsigned made = 0; made < 3; made++) {
				size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
				unsigned char *ptr = made == 0	 ? calloc(1, sizes[from])
						     : made == 1 ? malloc(sizes[from])
								 : aligned_alloc(4096, sizes[from]);

				EXPECT(ptr);
				memset(ptr, 0x77, sizes[from]);
				ptr = made == 1 ? reallocarray(ptr, sizes[to], 1)
						: realloc(ptr, sizes[to]);
				EXPECT(ptr && malloc_usable_size(ptr) >= sizes[to]);
				expect_bytes(ptr, 0, kept, 0x77);
				memset(ptr, 0x55, sizes[to]);
				free(ptr);
			}
	EXPECT(!realloc(launder(calloc(1, MIB)), launder_size(0)));
	free(realloc(NULL, MIB));
}

static void *calloc_until_stopped(void *stop)
{
	for (unsigned i = 0; !atomic_load((atomic_bool *)stop); i++) {
		unsigned char *ptr = calloc(1, 50000 + i * 7919 % 300000);

		EXPECT(ptr && !ptr[0] && !ptr[49999]);
		ptr[0] = ptr[49999] = 1;
		free(ptr);
	}
	return NULL;
}

static void in_a_fork_handler(void)
{
	free(launder(calloc(1, MIB)));
}

static void forks_with_threads_and_handlers(void)
{
	static atomic_bool stop;
	pthread_t threads[3];
	int status;

	pthread_atfork(in_a_fork_handler, in_a_fork_handler, in_a_fork_handler);
	for (unsigned i = 0; i < 3; i++)
		EXPECT(!pthread_create(&threads[i], NULL, calloc_until_stopped, &stop));
	for (unsigned i = 0; i < 30; i++) {
		pid_t pid = fork();

		EXPECT(pid >= 0);
		if (!pid) {
			alarm(20);
			free(realloc(launder(calloc(1, MIB)), 5 * MIB));
			_exit(0);
		}
		EXPECT(waitpid(pid, &status, 0) == pid && !status);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	alarm(60);
	large_callocs_are_ours();
	realloc_of_any_pointer();
	forks_with_threads_and_handlers();
	puts("all right");
	return 0;
}
