/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of the scripted kernel share; tests see scripted_bpf.h alone.
 *
 * An object of this kernel is a memfd, which its inode is known by: so descriptors may be
 * duplicated, closed and mapped as usual. A pin is a file with the object's number. What
 * nothing holds any more, neither descriptor nor pin, is not attached.
 */
#ifndef SCRIPTED_KERNEL_H
#define SCRIPTED_KERNEL_H

#include <net/if.h>
#include <sys/stat.h>

#include "scripted_bpf.h"

#define MOST_OBJECTS 4000
#define MOST_FILTERS 64
#define MOST_INTERFACES 16
#define MOST_MAPS_OF_PROGRAM 64

enum kind { MAP, PROGRAM, LINK, BTF };

struct entry {
	char *key, *value;
};

struct object {
	enum kind kind;
	__u32 id;
	char name[BPF_OBJ_NAME_LEN];
	int fd;
	struct stat is;
	/* a map */
	__u32 type, key_bytes, value_bytes, max_entries, flags;
	__u32 btf_id, btf_key, btf_value;
	bool frozen;
	size_t stride; /* of a value, of all CPUs */
	char *array;   /* else entries */
	size_t array_bytes;
	struct entry *entries;
	size_t count;
	/* a program */
	__u32 maps[MOST_MAPS_OF_PROGRAM], map_count;
	/* a link */
	__u32 program, ifindex;
	int attach_type;
	/* BTF */
	char *data;
	size_t data_bytes;
};

struct filter {
	__u32 ifindex, priority, handle, program;
	int point;
};

struct scripted {
	bool on;
	char top[64], pin_dir[96], text[16384];
	struct object *objects[MOST_OBJECTS];
	size_t object_count;
	/* of links, the ids in the order in which packets meet them */
	__u32 chain[MOST_OBJECTS];
	size_t chain_count;
	struct filter filters[MOST_FILTERS]; /* the same */
	size_t filter_count;
	struct {
		__u32 ifindex;
		char name[IF_NAMESIZE];
		bool qdisc;
	} interfaces[MOST_INTERFACES];
	size_t interface_count;
	__u64 caps;
	bool no_tcx;
	unsigned int imported;
	/* what fails */
	int call, error;
	int also_call, also_error;
	unsigned int nth, calls;
	bool from_then_on, failed;
};
extern struct scripted kernel;

/* -1, with this errno. */
int kernel_refuse(int error);
/* Shall this call fail? Then errno is set. */
bool kernel_fails(int call);

/* NULL: there is none. */
struct object *kernel_object_of(int fd);
struct object *kernel_object_by_id(__u32 id);
struct object *kernel_make_object(enum kind kind, const char *name);
/* A descriptor; of NULL, ENOENT. */
int kernel_open_object(const struct object *object);
/* Does a descriptor or a pin keep it? */
bool kernel_is_held(const struct object *object);
int kernel_pin(const union bpf_attr *attr);

/* scripted_objects.c: gives a map its values, and answers what is about objects; false: it is
 * not. */
void kernel_lay_out(struct object *map);
bool kernel_object_call(int command, union bpf_attr *attr, long *rc);

/* scripted_hooks.c: the same for links and hooks. */
bool kernel_hook_call(int command, union bpf_attr *attr, long *rc);

#endif
