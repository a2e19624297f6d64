// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps, programs and BTF of the scripted kernel, and what it tells of them. */
#include "scripted_kernel.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "flow.h"
#include "test.h"

/* --- maps ------------------------------------------------------------------- */

static bool is_array(__u32 type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_PROG_ARRAY;
}

void kernel_lay_out(struct object *map)
{
	map->stride = map->value_bytes;
	if (map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		map->stride = ((map->value_bytes + 7) & ~7u) * (size_t)libbpf_num_possible_cpus();
	if (!is_array(map->type))
		return;
	map->array_bytes = (map->stride * map->max_entries + 4095) & ~4095ul;
	assert_int_equal(ftruncate(map->fd, (off_t)map->array_bytes), 0);
	map->array = mmap(NULL, map->array_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd, 0);
	assert_ptr_not_equal(map->array, MAP_FAILED);
}

static int create_map(const union bpf_attr *attr)
{
	const struct object *btf = attr->btf_fd ? kernel_object_of((int)attr->btf_fd) : NULL;
	struct object *map = kernel_make_object(MAP, attr->map_name);

	map->type = attr->map_type;
	map->key_bytes = attr->key_size;
	map->value_bytes = attr->value_size;
	map->max_entries = attr->max_entries;
	map->flags = attr->map_flags;
	map->btf_id = btf ? btf->id : 0;
	map->btf_key = attr->btf_key_type_id;
	map->btf_value = attr->btf_value_type_id;
	kernel_lay_out(map);
	return kernel_open_object(map);
}

/* Where the value of a key is; NULL: nowhere. */
static char *find_value(const struct object *map, const void *key)
{
	__u32 index;

	if (map->array) {
		memcpy(&index, key, sizeof(index));
		return index < map->max_entries ? map->array + index * map->stride : NULL;
	}
	for (size_t i = 0; i < map->count; i++)
		if (!memcmp(map->entries[i].key, key, map->key_bytes))
			return map->entries[i].value;
	return NULL;
}

static bool holds_objects(const struct object *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || map->type == BPF_MAP_TYPE_PROG_ARRAY;
}

static int look_up(const union bpf_attr *attr)
{
	const struct object *map = kernel_object_of((int)attr->map_fd);
	const char *value = map ? find_value(map, (void *)(unsigned long)attr->key) : NULL;

	if (!map)
		return kernel_refuse(EBADF);
	if (!value)
		return kernel_refuse(ENOENT);
	/* what holds maps or programs tells their ids; 0: none */
	if (holds_objects(map)) {
		__u32 id;

		memcpy(&id, value, sizeof(id));
		if (!id)
			return kernel_refuse(ENOENT);
	}
	memcpy((void *)(unsigned long)attr->value, value, map->stride);
	return 0;
}

static int put_value(struct object *map, const void *key, const void *value)
{
	char *there = find_value(map, key);
	struct entry *entry;

	if (!there && map->array)
		return kernel_refuse(E2BIG);
	if (!there && map->count == map->max_entries)
		return kernel_refuse(E2BIG);
	if (!there) {
		entry = realloc(map->entries, (map->count + 1) * sizeof(*entry));
		assert_non_null(entry);
		map->entries = entry;
		entry = &map->entries[map->count++];
		entry->key = malloc(map->key_bytes);
		entry->value = there = malloc(map->stride);
		assert_true(entry->key && there);
		memcpy(entry->key, key, map->key_bytes);
	}
	memcpy(there, value, map->stride);
	return 0;
}

static int update(const union bpf_attr *attr)
{
	struct object *map = kernel_object_of((int)attr->map_fd);
	const void *key = (void *)(unsigned long)attr->key,
		   *value = (void *)(unsigned long)attr->value;
	const struct object *held;

	if (!map)
		return kernel_refuse(EBADF);
	if (map->frozen)
		return kernel_refuse(EPERM);
	if (!holds_objects(map))
		return put_value(map, key, value);
	held = kernel_object_of(*(const int *)value);
	return held ? put_value(map, key, &held->id) : kernel_refuse(EBADF);
}

static int remove_entry(const union bpf_attr *attr)
{
	struct object *map = kernel_object_of((int)attr->map_fd);
	const void *key = (void *)(unsigned long)attr->key;

	if (!map)
		return kernel_refuse(EBADF);
	if (holds_objects(map)) {
		static const __u32 none;
		char *value = find_value(map, key);

		if (!value || !memcmp(value, &none, sizeof(none)))
			return kernel_refuse(ENOENT);
		memset(value, 0, map->stride);
		return 0;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (memcmp(map->entries[i].key, key, map->key_bytes) != 0)
			continue;
		free(map->entries[i].key);
		free(map->entries[i].value);
		map->count--;
		memmove(&map->entries[i], &map->entries[i + 1],
			(map->count - i) * sizeof(*map->entries));
		return 0;
	}
	return kernel_refuse(ENOENT);
}

static int next_key(const union bpf_attr *attr)
{
	const struct object *map = kernel_object_of((int)attr->map_fd);
	const void *key = (void *)(unsigned long)attr->key;
	void *next = (void *)(unsigned long)attr->next_key;
	__u32 index = 0;

	if (!map)
		return kernel_refuse(EBADF);
	if (map->array) {
		if (key)
			memcpy(&index, key, sizeof(index));
		index = key && index < map->max_entries ? index + 1 : 0;
		if (index >= map->max_entries)
			return kernel_refuse(ENOENT);
		memcpy(next, &index, sizeof(index));
		return 0;
	}
	for (size_t i = 0; key && i < map->count; i++)
		if (!memcmp(map->entries[i].key, key, map->key_bytes))
			index = (__u32)i + 1;
	if (index >= map->count)
		return kernel_refuse(ENOENT);
	memcpy(next, map->entries[index].key, map->key_bytes);
	return 0;
}

static int look_up_batch(union bpf_attr *attr)
{
	const struct object *map = kernel_object_of((int)attr->batch.map_fd);
	const __u32 *in = (void *)(unsigned long)attr->batch.in_batch;
	char *keys = (void *)(unsigned long)attr->batch.keys,
	     *values = (void *)(unsigned long)attr->batch.values;
	__u32 at = in ? *in : 0, done = 0, room = attr->batch.count, all;

	if (!map)
		return kernel_refuse(EBADF);
	all = map->array ? map->max_entries : (__u32)map->count;
	for (; done < room && at < all; at++, done++) {
		memcpy(keys + (size_t)done * map->key_bytes,
		       map->array ? (void *)&at : map->entries[at].key, map->key_bytes);
		memcpy(values + (size_t)done * map->stride,
		       map->array ? map->array + (size_t)at * map->stride : map->entries[at].value,
		       map->stride);
	}
	*(__u32 *)(unsigned long)attr->batch.out_batch = at;
	attr->batch.count = done;
	return at < all ? 0 : kernel_refuse(ENOENT);
}

static int update_batch(union bpf_attr *attr)
{
	struct object *map = kernel_object_of((int)attr->batch.map_fd);
	const char *keys = (void *)(unsigned long)attr->batch.keys,
		   *values = (void *)(unsigned long)attr->batch.values;

	if (!map)
		return kernel_refuse(EBADF);
	for (__u32 i = 0; i < attr->batch.count; i++)
		if (put_value(map, keys + (size_t)i * map->key_bytes, values + i * map->stride))
			return -1;
	return 0;
}

static int freeze(const union bpf_attr *attr)
{
	struct object *map = kernel_object_of((int)attr->map_fd);

	if (!map)
		return kernel_refuse(EBADF);
	map->frozen = true;
	return 0;
}

/* --- programs and BTF ------------------------------------------------------- */

static int load_program(const union bpf_attr *attr)
{
	const struct bpf_insn *code = (void *)(unsigned long)attr->insns;
	struct object *program = kernel_make_object(PROGRAM, attr->prog_name);

	program->type = attr->prog_type;
	for (__u32 i = 0; i < attr->insn_cnt && program->map_count < MOST_MAPS_OF_PROGRAM; i++) {
		const struct object *map;
		bool known = false;

		if (code[i].code != (BPF_LD | BPF_IMM | BPF_DW) ||
		    (code[i].src_reg != BPF_PSEUDO_MAP_FD &&
		     code[i].src_reg != BPF_PSEUDO_MAP_VALUE))
			continue;
		map = kernel_object_of(code[i].imm);
		for (__u32 k = 0; map && k < program->map_count; k++)
			known |= program->maps[k] == map->id;
		if (map && !known)
			program->maps[program->map_count++] = map->id;
	}
	return kernel_open_object(program);
}

static int load_btf(const union bpf_attr *attr)
{
	struct object *btf = kernel_make_object(BTF, "");

	btf->data_bytes = attr->btf_size;
	btf->data = malloc(attr->btf_size + 1);
	assert_non_null(btf->data);
	memcpy(btf->data, (void *)(unsigned long)attr->btf, attr->btf_size);
	return kernel_open_object(btf);
}

static int run_program(union bpf_attr *attr)
{
	if (!kernel_object_of((int)attr->test.prog_fd))
		return kernel_refuse(EBADF);
	kernel.imported +=
		(attr->test.data_size_in - BG_IMPORT_HEADER_BYTES) / sizeof(struct bg_flow);
	attr->test.retval = 0;
	return 0;
}

unsigned int script_imported(void)
{
	return kernel.imported;
}

/* --- asking about objects --------------------------------------------------- */

static void tell_map(const struct object *map, struct bpf_map_info *info)
{
	info->type = map->type;
	info->id = map->id;
	info->key_size = map->key_bytes;
	info->value_size = map->value_bytes;
	info->max_entries = map->max_entries;
	info->map_flags = map->flags;
	info->btf_id = map->btf_id;
	info->btf_key_type_id = map->btf_key;
	info->btf_value_type_id = map->btf_value;
	memcpy(info->name, map->name, sizeof(info->name));
}

static void tell_program(const struct object *program, struct bpf_prog_info *info)
{
	__u32 *ids = (void *)(unsigned long)info->map_ids;

	for (__u32 i = 0; ids && i < program->map_count && i < info->nr_map_ids; i++)
		ids[i] = program->maps[i];
	info->type = program->type;
	info->id = program->id;
	info->nr_map_ids = program->map_count;
	memcpy(info->name, program->name, sizeof(info->name));
}

static void tell_link(const struct object *link, struct bpf_link_info *info)
{
	info->id = link->id;
	info->prog_id = link->program;
	if (link->attach_type == BPF_XDP) {
		info->type = BPF_LINK_TYPE_XDP;
		info->xdp.ifindex = link->ifindex;
	} else {
		info->type = BPF_LINK_TYPE_TCX;
		info->tcx.ifindex = link->ifindex;
		info->tcx.attach_type = (__u32)link->attach_type;
	}
}

static void tell_btf(const struct object *btf, struct bpf_btf_info *info)
{
	void *data = (void *)(unsigned long)info->btf;

	if (data)
		memcpy(data, btf->data,
		       btf->data_bytes < info->btf_size ? btf->data_bytes : info->btf_size);
	info->btf_size = (__u32)btf->data_bytes;
	info->id = btf->id;
}

static int tell(union bpf_attr *attr)
{
	const struct object *object = kernel_object_of((int)attr->info.bpf_fd);
	union {
		struct bpf_map_info map;
		struct bpf_prog_info program;
		struct bpf_link_info link;
		struct bpf_btf_info btf;
	} info = {};
	__u32 length = attr->info.info_len < sizeof(info) ? attr->info.info_len : sizeof(info);
	void *into = (void *)(unsigned long)attr->info.info;

	if (!object)
		return kernel_refuse(EBADF);
	memcpy(&info, into, length);
	switch (object->kind) {
	case MAP:
		tell_map(object, &info.map);
		break;
	case PROGRAM:
		tell_program(object, &info.program);
		break;
	case LINK:
		tell_link(object, &info.link);
		break;
	case BTF:
		tell_btf(object, &info.btf);
		break;
	}
	memcpy(into, &info, length);
	return 0;
}

static int open_by_id(const union bpf_attr *attr, enum kind kind)
{
	const struct object *object = kernel_object_by_id(attr->map_id);

	if (!(kernel.caps & 1ULL << CAP_SYS_ADMIN))
		return kernel_refuse(EPERM);
	return kernel_open_object(object && object->kind == kind ? object : NULL);
}

bool kernel_object_call(int command, union bpf_attr *attr, long *rc)
{
	switch (command) {
	case BPF_MAP_CREATE:
		*rc = create_map(attr);
		return true;
	case BPF_MAP_LOOKUP_ELEM:
		*rc = look_up(attr);
		return true;
	case BPF_MAP_UPDATE_ELEM:
		*rc = update(attr);
		return true;
	case BPF_MAP_DELETE_ELEM:
		*rc = remove_entry(attr);
		return true;
	case BPF_MAP_GET_NEXT_KEY:
		*rc = next_key(attr);
		return true;
	case BPF_MAP_LOOKUP_BATCH:
		*rc = look_up_batch(attr);
		return true;
	case BPF_MAP_UPDATE_BATCH:
		*rc = update_batch(attr);
		return true;
	case BPF_MAP_FREEZE:
		*rc = freeze(attr);
		return true;
	case BPF_PROG_LOAD:
		*rc = load_program(attr);
		return true;
	case BPF_PROG_TEST_RUN:
		*rc = run_program(attr);
		return true;
	case BPF_PROG_BIND_MAP:
		*rc = 0;
		return true;
	case BPF_BTF_LOAD:
		*rc = load_btf(attr);
		return true;
	case BPF_OBJ_GET_INFO_BY_FD:
		*rc = tell(attr);
		return true;
	case BPF_MAP_GET_FD_BY_ID:
		*rc = open_by_id(attr, MAP);
		return true;
	case BPF_PROG_GET_FD_BY_ID:
		*rc = open_by_id(attr, PROGRAM);
		return true;
	case BPF_BTF_GET_FD_BY_ID:
		*rc = open_by_id(attr, BTF);
		return true;
	default:
		return false;
	}
}

/* --- what tests make ------------------------------------------------------- */

int script_map(const char *pin_path, const struct script_map *map)
{
	struct object *object = kernel_make_object(MAP, map->name);
	union bpf_attr attr = { .pathname = (__u64)(unsigned long)pin_path };
	int fd = kernel_open_object(object);

	object->type = map->type;
	object->key_bytes = map->key_bytes;
	object->value_bytes = map->value_bytes;
	object->max_entries = map->max_entries;
	object->flags = map->flags;
	kernel_lay_out(object);
	attr.bpf_fd = (__u32)fd;
	unlink(pin_path);
	assert_int_equal(kernel_pin(&attr), 0);
	return fd;
}
