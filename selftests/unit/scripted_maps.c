// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Maps in memory for the tests of guard/ and daemon/. The few entries of a test stand in
 * a list, so that the order in which they are walked is that in which they came.
 */
#include "scripted_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "test.h"

#define FIRST_FD 100000
#define ENTRIES 128

struct entry {
	_Alignas(8) char key[64];
	char value[2048];
	bool used;
};

struct map {
	const char *name;
	size_t key_bytes, value_bytes;
	struct entry entry[ENTRIES];
	unsigned int writes;
	int error[4]; /* by enum script_map_call */
	bool is_array;
};

#define U32 sizeof(__u32)
static struct map maps[] = {
	{ "branches", U32, sizeof(struct bg_branch_info), {}, 0, {}, false },
	{ "ifaces", U32, sizeof(struct bg_iface), {}, 0, {}, false },
	{ "pods", sizeof(struct bg_addr), sizeof(struct bg_pod), {}, 0, {}, false },
	{ "routes", U32, sizeof(struct bg_route_info), {}, 0, {}, false },
	{ "node", U32, sizeof(struct bg_host), {}, 0, {}, true },
	{ "fast_ifaces", U32, sizeof(struct bg_iface), {}, 0, {}, true },
	{ "fast_vlans", U32, sizeof(__u32), {}, 0, {}, true },
	{ "fast_routes", U32, sizeof(struct bg_route), {}, 0, {}, true },
	{ "control", U32, sizeof(struct bg_control), {}, 0, {}, true },
	{ "revisions", U32, sizeof(struct bg_revision), {}, 0, {}, false },
	{ "pulse", U32, sizeof(struct bg_pulse), {}, 0, {}, true },
	{ "sightings",
	  sizeof(struct bg_sighting_key),
	  sizeof(struct bg_sighting),
	  {},
	  0,
	  {},
	  false },
};
#define MAPS (sizeof(maps) / sizeof(maps[0]))

static struct map *find_map(const char *name)
{
	for (size_t i = 0; i < MAPS; i++)
		if (!strcmp(maps[i].name, name))
			return &maps[i];
	fail_msg("there is no map %s", name);
	return NULL;
}

static struct map *map_of_fd(int fd)
{
	return fd >= FIRST_FD && fd < FIRST_FD + (int)MAPS ? &maps[fd - FIRST_FD] : NULL;
}

static const struct map *map_of(const struct bpf_map *map)
{
	const void *any = map;
	const struct map *found = any;

	return found >= maps && found < maps + MAPS ? found : NULL;
}

static struct bpf_map *as_libbpf_s(const char *name)
{
	void *any = find_map(name);

	return any;
}

struct bg_datapath *script_datapath(void)
{
	static struct branchguard_bpf skel;
	static struct bg_datapath datapath;

	memset(&skel, 0, sizeof(skel));
	datapath = (struct bg_datapath){ .skel = &skel };
	for (size_t i = 0; i < MAPS; i++) {
		assert_true(maps[i].value_bytes <= sizeof(maps[i].entry[0].value));
		memset(maps[i].entry, 0, sizeof(maps[i].entry));
		memset(maps[i].error, 0, sizeof(maps[i].error));
		maps[i].writes = 0;
	}
#define HAS(map) skel.maps.map = as_libbpf_s(#map)
	HAS(branches);
	HAS(ifaces);
	HAS(pods);
	HAS(routes);
	HAS(node);
	HAS(fast_ifaces);
	HAS(fast_vlans);
	HAS(fast_routes);
	HAS(control);
	HAS(revisions);
	HAS(pulse);
	HAS(sightings);
	return &datapath;
}

static struct entry *find_entry(struct map *map, const void *key)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (map->entry[i].used && !memcmp(map->entry[i].key, key, map->key_bytes))
			return &map->entry[i];
	return NULL;
}

const void *script_entry(const char *map, const void *key)
{
	const struct entry *entry = find_entry(find_map(map), key);

	return entry ? entry->value : NULL;
}

void script_put(const char *map, const void *key, const void *value)
{
	const int fd = FIRST_FD + (int)(find_map(map) - maps);

	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
	find_map(map)->writes = 0;
}

size_t script_entries(const char *map)
{
	size_t count = 0;

	for (size_t i = 0; i < ENTRIES; i++)
		count += find_map(map)->entry[i].used;
	return count;
}

unsigned int script_writes(const char *map)
{
	return find_map(map)->writes;
}

void script_map_fails(const char *map, enum script_map_call call, int error)
{
	find_map(map)->error[call] = error;
}

/* --- libbpf ---------------------------------------------------------------- */

int __real_bpf_map__fd(const struct bpf_map *map);
const char *__real_bpf_map__name(const struct bpf_map *map);
__u32 __real_bpf_map__max_entries(const struct bpf_map *map);
int __real_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __real_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __real_bpf_map_delete_elem(int fd, const void *key);
int __real_bpf_map_get_next_key(int fd, const void *key, void *next);

int __wrap_bpf_map__fd(const struct bpf_map *map);
const char *__wrap_bpf_map__name(const struct bpf_map *map);
__u32 __wrap_bpf_map__max_entries(const struct bpf_map *map);
int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next);

int __wrap_bpf_map__fd(const struct bpf_map *map)
{
	return map_of(map) ? FIRST_FD + (int)(map_of(map) - maps) : __real_bpf_map__fd(map);
}

const char *__wrap_bpf_map__name(const struct bpf_map *map)
{
	return map_of(map) ? map_of(map)->name : __real_bpf_map__name(map);
}

__u32 __wrap_bpf_map__max_entries(const struct bpf_map *map)
{
	return map_of(map) ? ENTRIES : __real_bpf_map__max_entries(map);
}

/* As libbpf does it. */
static int failed(int error)
{
	errno = error;
	return -error;
}

int __wrap_bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	struct map *map = map_of_fd(fd);
	const struct entry *entry;

	if (!map)
		return __real_bpf_map_lookup_elem(fd, key, value);
	if (map->error[SCRIPT_LOOKUP])
		return failed(map->error[SCRIPT_LOOKUP]);
	entry = find_entry(map, key);
	if (!entry && !map->is_array)
		return failed(ENOENT);
	if (entry)
		memcpy(value, entry->value, map->value_bytes);
	else
		memset(value, 0, map->value_bytes);
	return 0;
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct map *map = map_of_fd(fd);
	struct entry *entry;

	if (!map)
		return __real_bpf_map_update_elem(fd, key, value, flags);
	if (map->error[SCRIPT_UPDATE])
		return failed(map->error[SCRIPT_UPDATE]);
	entry = find_entry(map, key);
	if (!entry && flags == BPF_EXIST)
		return failed(ENOENT);
	for (size_t i = 0; i < ENTRIES && !entry; i++)
		if (!map->entry[i].used)
			entry = &map->entry[i];
	if (!entry)
		return failed(E2BIG);
	entry->used = true;
	memcpy(entry->key, key, map->key_bytes);
	memcpy(entry->value, value, map->value_bytes);
	map->writes++;
	return 0;
}

int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	struct map *map = map_of_fd(fd);
	struct entry *entry;

	if (!map)
		return __real_bpf_map_delete_elem(fd, key);
	if (map->error[SCRIPT_DELETE])
		return failed(map->error[SCRIPT_DELETE]);
	entry = find_entry(map, key);
	if (!entry)
		return failed(ENOENT);
	entry->used = false;
	map->writes++;
	return 0;
}

/* A key that is not there any more starts over, as the kernel has it. */
int __wrap_bpf_map_get_next_key(int fd, const void *key, void *next)
{
	struct map *map = map_of_fd(fd);
	const struct entry *entry;
	size_t place = 0;

	if (!map)
		return __real_bpf_map_get_next_key(fd, key, next);
	if (map->error[SCRIPT_NEXT_KEY])
		return failed(map->error[SCRIPT_NEXT_KEY]);
	entry = key ? find_entry(map, key) : NULL;
	if (entry)
		place = (size_t)(entry - map->entry) + 1;
	for (; place < ENTRIES; place++) {
		if (!map->entry[place].used)
			continue;
		memcpy(next, map->entry[place].key, map->key_bytes);
		return 0;
	}
	return failed(ENOENT);
}
