// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Descriptors, pins, what fails, and the system calls themselves. */
#include "scripted_kernel.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "test.h"

#define FIRST_FD 600 /* of those that the kernel itself keeps */

struct scripted kernel;

int kernel_refuse(int error)
{
	errno = error;
	return -1;
}

bool kernel_fails(int call)
{
	if (kernel.also_error && kernel.also_call == call) {
		errno = kernel.also_error;
		return true;
	}
	if (!kernel.error || (kernel.call != SCRIPT_ANY && kernel.call != call))
		return false;
	kernel.calls++;
	if (kernel.nth && kernel.calls != kernel.nth &&
	    !(kernel.from_then_on && kernel.calls > kernel.nth))
		return false;
	kernel.failed = true;
	errno = kernel.error;
	return true;
}

void script_fail(int call, unsigned int nth, int error)
{
	kernel.call = call;
	kernel.nth = nth;
	kernel.error = error;
	kernel.calls = 0;
	kernel.from_then_on = kernel.failed = false;
}

void script_fail_from_then_on(void)
{
	kernel.from_then_on = true;
}

void script_fail_also(int call, int error)
{
	kernel.also_call = call;
	kernel.also_error = error;
}

void script_work(void)
{
	kernel.error = kernel.also_error = 0;
}

bool script_failed(void)
{
	return kernel.failed;
}

static void *next_function(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	assert_non_null(found);
	return found;
}

/* --- objects ---------------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

struct object *kernel_object_of(int fd)
{
	struct stat is;

	if (fd < 0 || fstat(fd, &is))
		return NULL;
	for (size_t i = 0; i < kernel.object_count; i++)
		if (is_same_file(&kernel.objects[i]->is, &is))
			return kernel.objects[i];
	return NULL;
}

struct object *kernel_object_by_id(__u32 id)
{
	return id && id <= kernel.object_count ? kernel.objects[id - 1] : NULL;
}

struct object *kernel_make_object(enum kind kind, const char *name)
{
	struct object *object = calloc(1, sizeof(*object));
	int fd = memfd_create("object", MFD_CLOEXEC);

	if (!object || fd < 0 || kernel.object_count == MOST_OBJECTS)
		abort();
	object->kind = kind;
	object->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (object->fd < 0 || fstat(fd, &object->is))
		abort();
	close(fd);
	snprintf(object->name, sizeof(object->name), "%s", name);
	kernel.objects[kernel.object_count] = object;
	object->id = ++kernel.object_count;
	return object;
}

int kernel_open_object(const struct object *object)
{
	return object ? fcntl(object->fd, F_DUPFD_CLOEXEC, 3) : kernel_refuse(ENOENT);
}

static void free_object(struct object *object)
{
	if (object->array)
		munmap(object->array, object->array_bytes);
	for (size_t i = 0; i < object->count; i++) {
		free(object->entries[i].key);
		free(object->entries[i].value);
	}
	free(object->entries);
	free(object->data);
	close(object->fd);
	free(object);
}

unsigned int script_open(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;
	struct dirent *entry;

	if (!directory)
		abort();
	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name); /* NOLINT(cert-err34-c) */

		count += fd > 2 && fd < FIRST_FD && kernel_object_of(fd);
	}
	closedir(directory);
	return count;
}

static bool is_open(const struct object *object)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	bool found = false;

	if (!directory)
		abort();
	while (!found && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name); /* NOLINT(cert-err34-c) */
		struct stat is;

		found = fd > 2 && fd < FIRST_FD && !fstat(fd, &is) &&
			is_same_file(&is, &object->is);
	}
	closedir(directory);
	return found;
}

/* --- pins ------------------------------------------------------------------- */

static struct object *pinned_at(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned int id = 0;

	if (!file)
		return NULL;
	if (fscanf(file, "%u", &id) != 1) /* NOLINT(cert-err34-c) */
		id = 0;
	fclose(file);
	return kernel_object_by_id(id);
}

static const struct object *wanted;
static bool wanted_is_pinned;
static char *lines[MOST_OBJECTS];
static size_t line_count;

static int look_at_pin(const char *path, const struct stat *is, int kind, struct FTW *walk)
{
	const struct object *object = kind == FTW_F ? pinned_at(path) : NULL;

	(void)is;
	(void)walk;
	wanted_is_pinned |= object && object == wanted;
	if (wanted || !object)
		return 0;
	assert_true(line_count < MOST_OBJECTS);
	assert_true(asprintf(&lines[line_count++], "%s %u", path + strlen(kernel.pin_dir) + 1,
			     object->id) > 0);
	return 0;
}

static bool is_pinned(const struct object *object)
{
	wanted = object;
	wanted_is_pinned = false;
	nftw(kernel.pin_dir, look_at_pin, 8, FTW_PHYS);
	wanted = NULL;
	return wanted_is_pinned;
}

bool kernel_is_held(const struct object *object)
{
	return is_open(object) || is_pinned(object);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *script_pins(void)
{
	size_t used = 0;

	line_count = 0;
	nftw(kernel.pin_dir, look_at_pin, 8, FTW_PHYS);
	qsort(lines, line_count, sizeof(*lines), by_text);
	kernel.text[0] = '\0';
	for (size_t i = 0; i < line_count; i++) {
		used += (size_t)snprintf(kernel.text + used, sizeof(kernel.text) - used, "%s\n",
					 lines[i]);
		assert_true(used < sizeof(kernel.text));
		free(lines[i]);
	}
	return kernel.text;
}

int kernel_pin(const union bpf_attr *attr)
{
	const char *path = (const char *)(unsigned long)attr->pathname;
	const struct object *object = kernel_object_of((int)attr->bpf_fd);
	const char *name = strrchr(path, '/');
	int fd;

	if (!object)
		return kernel_refuse(EBADF);
	if (!name || strchr(name, '.'))
		return kernel_refuse(EPERM);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	dprintf(fd, "%u\n", object->id);
	close(fd);
	return 0;
}

static int get_pin(const union bpf_attr *attr)
{
	const char *path = (const char *)(unsigned long)attr->pathname;

	if (access(path, R_OK))
		return -1;
	return kernel_open_object(pinned_at(path));
}

/* --- the system calls ------------------------------------------------------- */

static long do_bpf(int command, union bpf_attr *attr)
{
	long rc;

	if (command == BPF_OBJ_PIN)
		return kernel_pin(attr);
	if (command == BPF_OBJ_GET)
		return get_pin(attr);
	if (kernel_object_call(command, attr, &rc) || kernel_hook_call(command, attr, &rc))
		return rc;
	return kernel_refuse(EINVAL);
}

static long bpf(int command, void *argument, size_t length)
{
	union bpf_attr attr = {};
	long rc;

	if (length > sizeof(attr))
		length = sizeof(attr);
	if (kernel_fails(command))
		return -1;
	memcpy(&attr, argument, length);
	rc = do_bpf(command, &attr);
	memcpy(argument, &attr, length);
	return rc;
}

static long tell_caps(struct __user_cap_data_struct data[2])
{
	for (int half = 0; half < 2; half++) {
		data[half].effective = data[half].permitted = (__u32)(kernel.caps >> 32 * half);
		data[half].inheritable = 0;
	}
	return 0;
}

/* Six are read, however many were given: what is too many is passed on, and read by nobody. */
__attribute__((no_sanitize_address)) long syscall(long number, ...)
{
	long (*next)(long, ...) = next_function("syscall");
	long argument[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (kernel.on && number == SYS_bpf)
		return bpf((int)argument[0], (void *)argument[1], (size_t)argument[2]);
	if (kernel.on && number == SYS_capget)
		return tell_caps((void *)argument[1]);
	return next(number, argument[0], argument[1], argument[2], argument[3], argument[4],
		    argument[5]);
}

int statfs(const char *path, struct statfs *info)
{
	int (*next)(const char *, struct statfs *) = next_function("statfs");
	int rc = next(path, info);

	if (!rc && kernel.on && !strncmp(path, kernel.top, strlen(kernel.top)))
		info->f_type = BPF_FS_MAGIC;
	return rc;
}

/* --- beginning and end ------------------------------------------------------- */

void script_caps(__u64 caps)
{
	kernel.caps = caps;
}

void script_without_tcx(void)
{
	kernel.no_tcx = true;
}

const char *script_bpf_begin(void)
{
	struct rlimit limit;

	memset(&kernel, 0, sizeof(kernel));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	kernel.caps = ~0ULL;
	snprintf(kernel.top, sizeof(kernel.top), "/tmp/scripted_bpf-XXXXXX");
	assert_non_null(mkdtemp(kernel.top));
	snprintf(kernel.pin_dir, sizeof(kernel.pin_dir), "%s/branchguard", kernel.top);
	kernel.on = true;
	return kernel.pin_dir;
}

static int remove_file(const char *path, const struct stat *is, int kind, struct FTW *walk)
{
	(void)is;
	(void)kind;
	(void)walk;
	return remove(path);
}

void script_bpf_end(void)
{
	kernel.on = false;
	nftw(kernel.top, remove_file, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < kernel.object_count; i++)
		free_object(kernel.objects[i]);
	kernel.object_count = kernel.chain_count = kernel.filter_count = 0;
}
