// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "timeline_exact.h"

#define FORMAT_FILE	"events/kmem/rss_stat/format"
#define MAX_FORMAT_TEXT 8192
#define MIN_RING_BYTES	(256u << 10)
#define SETTLED_NS	2000000 /* a record that is so old is preceded by none still to come */

enum kind { CHANGE, FORK, EXIT };

struct exact_record {
	uint64_t t_ns;
	size_t order; /* of those of the same time */
	enum kind kind;
	pid_t pid, tid;
	pid_t parent_pid, parent_tid; /* FORK */
	uint32_t mm_id;		      /* CHANGE */
	bool curr;
	enum mm_part part;
	int64_t bytes;
};

/*
 * A descriptor of tracefs' root: where it is mounted, else a mount of our own that no one else sees
 * and that goes away with the descriptor. Or -errno.
 */
static int open_tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	int fd, context, refused = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (faccessat(fd, FORMAT_FILE, R_OK, AT_EACCESS) == 0)
			return fd;
		if (errno == EACCES)
			refused = EACCES;
		close(fd);
	}
	context = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (context < 0)
		return refused ? -refused : -errno;
	fd = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (fd == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (fd < 0)
		fd = -errno;
	close(context);
	return fd;
}

static int read_format(struct rss_stat_format *format, char *reason, size_t reason_bytes)
{
	char text[MAX_FORMAT_TEXT];
	int root = open_tracefs(), fd, error;
	ssize_t n, total = 0;

	if (root < 0) {
		snprintf(
			reason, reason_bytes,
			"tracefs cannot be read (%s); run as root, or have root mount it readable: "
			"mount -t tracefs tracefs /sys/kernel/tracing",
			strerror(-root));
		return root;
	}
	fd = openat(root, FORMAT_FILE, O_RDONLY | O_CLOEXEC);
	error = fd < 0 ? errno : 0;
	close(root);
	if (fd < 0) {
		snprintf(reason, reason_bytes,
			 "this kernel's tracefs has no readable kmem/rss_stat event (%s); it needs "
			 "CONFIG_EVENT_TRACING and Linux 6.2 or newer",
			 strerror(error));
		return -error;
	}
	while ((n = read(fd, text + total, sizeof(text) - 1 - (size_t)total)) > 0)
		total += n;
	close(fd);
	text[total] = 0;
	if (timeline_parse_format(text, format)) {
		snprintf(reason, reason_bytes,
			 "this kernel's kmem:rss_stat has other fields than mm_id, curr, member, "
			 "size");
		return -EPROTO;
	}
	return 0;
}

static bool kernel_counts_exactly(void)
{
	struct utsname kernel;
	int major = 0, minor = 0;

	/* Before 6.2 the event is only raised when a thread's cache of counters is written back. */
	return uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_gone(pid_t pid)
{
	struct timeline_stat stat;
	char path[64], text[512];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return true;
	text[n] = 0;
	return !timeline_parse_stat(text, &stat) ||
	       ((stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1);
}

/* A power of two of pages for each ring. */
static size_t bytes_of_ring(size_t all_bytes, unsigned rings, size_t page_bytes)
{
	size_t bytes = page_bytes;

	while (2 * bytes * rings <= all_bytes || 2 * bytes <= MIN_RING_BYTES)
		bytes *= 2;
	return all_bytes < MIN_RING_BYTES ? page_bytes : bytes;
}

int exact_open(struct exact *e, size_t ring_bytes, char *reason, size_t reason_bytes)
{
	int error;

	*e = (struct exact){.page_bytes = (size_t)sysconf(_SC_PAGESIZE),
			    .n_cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF),
			    .mms = {.is_gone = is_gone}};
	if (!kernel_counts_exactly()) {
		snprintf(reason, reason_bytes,
			 "the tracepoint kmem:rss_stat is exact from Linux 6.2 on; this kernel is "
			 "older");
		return -ENOTSUP;
	}
	error = read_format(&e->format, reason, reason_bytes);
	if (error)
		return error;
	e->ring_bytes = bytes_of_ring(ring_bytes, e->n_cpus, e->page_bytes);
	e->rings = calloc(e->n_cpus, sizeof(*e->rings));
	if (!e->rings) {
		snprintf(reason, reason_bytes, "no memory");
		return -ENOMEM;
	}
	return 0;
}

static int keep_fd(struct exact *e, int fd)
{
	if (e->n_fds == e->max_fds) {
		size_t max = e->max_fds ? 2 * e->max_fds : 64;
		int *grown = realloc(e->fds, max * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		e->fds = grown;
		e->max_fds = max;
	}
	e->fds[e->n_fds++] = fd;
	return 0;
}

/* The first event of a CPU has its ring, the others write into that. 0 or -errno. */
static int give_ring(struct exact *e, unsigned cpu, int fd)
{
	struct exact_ring *ring = &e->rings[cpu];
	void *map;

	if (ring->map)
		return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) ? -errno : 0;
	map = mmap(NULL, e->page_bytes + e->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ring = (struct exact_ring){.fd = fd, .map = map};
	return 0;
}

static int watch_on(struct exact *e, unsigned cpu, struct perf_event_attr *attr, pid_t tid,
		    char *reason, size_t reason_bytes)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, tid, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	int error;

	if (fd < 0 &&
	    (errno == ENODEV || errno == ESRCH)) /* no such CPU now; the thread has ended */
		return 0;
	if (fd < 0) {
		error = errno;
		snprintf(reason, reason_bytes,
			 "perf_event_open refused the tracepoint kmem:rss_stat (%s); run as root, "
			 "with "
			 "CAP_PERFMON, or with kernel.perf_event_paranoid=-1",
			 strerror(error));
		return -error;
	}
	error = keep_fd(e, fd);
	if (error) {
		close(fd);
		snprintf(reason, reason_bytes, "no memory");
		return error;
	}
	error = give_ring(e, cpu, fd);
	if (error)
		snprintf(reason, reason_bytes,
			 "the kernel gives no perf ring of %zu KiB (%s); run as root, or raise "
			 "kernel.perf_event_mlock_kb to %zu",
			 e->ring_bytes / 1024, strerror(-error), e->ring_bytes / 1024 + 4);
	else if (!attr->enable_on_exec && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		error = -errno;
	return error;
}

int exact_watch(struct exact *e, pid_t tid, bool on_exec, char *reason, size_t reason_bytes)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = e->format.id,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.inherit = 1,
		.task = 1,
		.enable_on_exec = on_exec,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int error = 0;

	for (unsigned cpu = 0; cpu < e->n_cpus && !error; cpu++)
		error = watch_on(e, cpu, &attr, tid, reason, reason_bytes);
	return error;
}

uint64_t exact_total_bytes(const struct exact *e)
{
	if (e->n_events == 0)
		return TIMELINE_UNKNOWN;
	return e->events[e->n_events - 1].committed_bytes;
}

uint64_t exact_lost_records(const struct exact *e)
{
	uint64_t values[2], lost = 0; /* events, and those of them that were lost */

	for (size_t i = 0; i < e->n_fds; i++) {
		if (read(e->fds[i], values, sizeof(values)) != (ssize_t)sizeof(values))
			return TIMELINE_UNKNOWN;
		lost += values[1];
	}
	return lost;
}

/* The sum as of now, if it is another than before or a record said so. */
static int keep_event(struct exact *e, uint64_t t_ns)
{
	if (e->n_events == e->max_events) {
		size_t max = e->max_events ? 2 * e->max_events : 65536;
		struct timeline_event *events = realloc(e->events, max * sizeof(*events));

		if (!events)
			return -ENOMEM;
		e->events = events;
		e->max_events = max;
	}
	e->events[e->n_events++] = (struct timeline_event){
		.t_ns = t_ns,
		.committed_bytes = e->mms.sum_bytes > 0 ? (uint64_t)e->mms.sum_bytes : 0};
	return 0;
}

static int apply(struct exact *e, const struct exact_record *r)
{
	int64_t before = e->mms.sum_bytes;
	int error = 0;

	switch (r->kind) {
	case CHANGE:
		error = mms_change(&e->mms, r->mm_id, r->curr, r->pid, r->tid, r->part, r->bytes);
		break;
	case FORK:
		mms_fork(&e->mms, r->pid, r->parent_pid, r->parent_tid);
		break;
	case EXIT:
		mms_exit(&e->mms, r->pid, r->tid);
		break;
	}
	if (!error && e->mms.any && (e->mms.sum_bytes != before || !e->n_events))
		error = keep_event(e, r->t_ns);
	return error;
}

int exact_attach(struct exact *e, pid_t pid, const int64_t bytes[MM_PARTS])
{
	int error = mms_attach(&e->mms, pid, bytes);

	return error ? error : keep_event(e, now_ns());
}

/* False where the record is none that counts. */
static bool decode(const struct exact *e, uint64_t t_ns, pid_t pid, pid_t tid, const void *raw,
		   size_t raw_bytes, struct exact_record *r)
{
	const unsigned char *bytes = raw;
	uint32_t curr;
	int32_t member;

	if (raw_bytes < e->format.record_bytes)
		return false;
	*r = (struct exact_record){.t_ns = t_ns, .kind = CHANGE, .pid = pid, .tid = tid};
	memcpy(&r->mm_id, bytes + e->format.mm_id_offset, sizeof(r->mm_id));
	memcpy(&curr, bytes + e->format.curr_offset, sizeof(curr));
	memcpy(&member, bytes + e->format.member_offset, sizeof(member));
	memcpy(&r->bytes, bytes + e->format.size_offset, sizeof(r->bytes));
	r->curr = curr;
	if (member == e->format.anon_member)
		r->part = MM_ANON;
	else if (member == e->format.file_member)
		r->part = MM_FILE;
	else if (member == e->format.shmem_member)
		r->part = MM_SHMEM;
	else /* swap entries are not resident */
		return false;
	return true;
}

int exact_record(struct exact *e, uint64_t t_ns, pid_t pid, pid_t tid, const void *raw,
		 size_t raw_bytes)
{
	struct exact_record r;

	return decode(e, t_ns, pid, tid, raw, raw_bytes, &r) ? apply(e, &r) : 0;
}

static int keep_pending(struct exact *e, const struct exact_record *r)
{
	if (e->n_pending == e->max_pending) {
		size_t max = e->max_pending ? 2 * e->max_pending : 4096;
		struct exact_record *grown = realloc(e->pending, max * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		e->pending = grown;
		e->max_pending = max;
	}
	e->pending[e->n_pending] = *r;
	e->pending[e->n_pending++].order = e->n_taken++;
	return 0;
}

/* Copies bytes [at, at + n) of the ring's data, which wraps. */
static void ring_copy(const struct exact *e, const struct exact_ring *ring, uint64_t at, void *to,
		      size_t n)
{
	const unsigned char *data = (const unsigned char *)ring->map + e->page_bytes;
	size_t offset = at % e->ring_bytes,
	       first = e->ring_bytes - offset < n ? e->ring_bytes - offset : n;

	memcpy(to, data + offset, first);
	memcpy((unsigned char *)to + first, data, n - first);
}

static int take_record(struct exact *e, const struct perf_event_header *header, const void *body)
{
	const struct {
		uint32_t pid, tid;
		uint64_t t_ns;
		uint32_t raw_bytes;
		unsigned char raw[RSS_STAT_MAX_BYTES];
	} *sample = body;
	const struct {
		uint32_t pid, parent_pid, tid, parent_tid;
		uint64_t t_ns;
	} *task = body;
	struct exact_record r;

	if (header->type == PERF_RECORD_SAMPLE) {
		if (!decode(e, sample->t_ns, (pid_t)sample->pid, (pid_t)sample->tid, sample->raw,
			    sample->raw_bytes, &r))
			return 0;
	} else if (header->type == PERF_RECORD_FORK || header->type == PERF_RECORD_EXIT) {
		r = (struct exact_record){.t_ns = task->t_ns,
					  .kind = header->type == PERF_RECORD_FORK ? FORK : EXIT,
					  .pid = (pid_t)task->pid,
					  .tid = (pid_t)task->tid,
					  .parent_pid = (pid_t)task->parent_pid,
					  .parent_tid = (pid_t)task->parent_tid};
	} else {
		return 0;
	}
	return keep_pending(e, &r);
}

static int empty_ring(struct exact *e, const struct exact_ring *ring)
{
	struct perf_event_mmap_page *page = ring->map;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	int error = 0;

	while (tail < head && !error) {
		struct perf_event_header header;
		uint64_t body[(RSS_STAT_MAX_BYTES + 24) / 8] = {0};
		size_t n;

		ring_copy(e, ring, tail, &header, sizeof(header));
		if (header.size < sizeof(header)) /* cannot be: never loop on it */
			break;
		n = header.size - sizeof(header);
		ring_copy(e, ring, tail + sizeof(header), body,
			  n < sizeof(body) ? n : sizeof(body));
		error = take_record(e, &header, body);
		tail += header.size;
	}
	__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
	return error;
}

static int by_time(const void *a, const void *b)
{
	const struct exact_record *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return x->t_ns > y->t_ns ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

static int sweep(struct exact *e, uint64_t t_ns)
{
	int64_t before = e->mms.sum_bytes;

	mms_sweep(&e->mms);
	return e->mms.sum_bytes != before ? keep_event(e, t_ns) : 0;
}

int exact_drain(struct exact *e, bool all)
{
	uint64_t settled_ns = all ? UINT64_MAX : now_ns() - SETTLED_NS;
	size_t n = 0;
	int error = 0;

	for (unsigned cpu = 0; cpu < e->n_cpus && !error; cpu++)
		if (e->rings[cpu].map)
			error = empty_ring(e, &e->rings[cpu]);
	if (e->n_pending)
		qsort(e->pending, e->n_pending, sizeof(*e->pending), by_time);
	while (n < e->n_pending && !error && e->pending[n].t_ns <= settled_ns)
		error = apply(e, &e->pending[n++]);
	e->n_pending -= n;
	if (n)
		memmove(e->pending, e->pending + n, e->n_pending * sizeof(*e->pending));
	return error ? error : sweep(e, all ? now_ns() : settled_ns);
}

void exact_close(struct exact *e)
{
	for (unsigned cpu = 0; cpu < e->n_cpus; cpu++)
		if (e->rings && e->rings[cpu].map)
			munmap(e->rings[cpu].map, e->page_bytes + e->ring_bytes);
	for (size_t i = 0; i < e->n_fds; i++)
		close(e->fds[i]);
	free(e->rings);
	free(e->fds);
	free(e->pending);
	mms_clear(&e->mms);
	e->rings = NULL;
	e->fds = NULL;
	e->pending = NULL;
	e->n_fds = e->n_pending = 0;
}
