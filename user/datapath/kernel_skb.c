// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds the fields of struct sk_buff that bpf/partial.h reads. No context field has them, in
 * any kernel; where they are differs from build to build, and BTF says so. CO-RE would do the
 * same, but an object with such relocations does not load at all where there is no BTF.
 */
#include "datapath/kernel_skb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"

/* Unions and structs without a name within sk_buff, one in another. */
#define DEEPEST 8
#define BITS 8u
#define SUMMED_BITS 2u
#define POINTER_BYTES sizeof(void *)
#define BTF_OF_KERNEL "/sys/kernel/btf/vmlinux"

BG_CLEANUP_OF(btf__free, struct btf)

struct place {
	__u32 bits; /* from the start */
	__u32 size_bits;
};

static __u32 size_of_member(const struct btf *btf, const struct btf_type *type, __u32 member)
{
	__u32 bits = btf_member_bitfield_size(type, member);
	__s64 bytes;

	if (bits)
		return bits;
	bytes = btf__resolve_size(btf, btf_members(type)[member].type);
	return bytes > 0 && bytes < 0xffff ? (__u32)bytes * BITS : 0;
}

static bool find_member(const struct btf *btf, __u32 id, const char *name, int depth,
			struct place *place)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && btf_is_mod(type))
		type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_composite(type) || depth > DEEPEST)
		return false;
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];
		const char *its_name = btf__name_by_offset(btf, member->name_off);
		const __u32 bits = btf_member_bit_offset(type, i);

		if (its_name && !strcmp(its_name, name)) {
			place->bits = bits;
			place->size_bits = size_of_member(btf, type, i);
			return true;
		}
		if ((!its_name || !*its_name) &&
		    find_member(btf, member->type, name, depth + 1, place)) {
			place->bits += bits;
			return true;
		}
	}
	return false;
}

/* Of `size_bits`, whole bytes unless they are fewer. */
static int find_field(const struct btf *btf, __u32 id, const char *name, __u32 size_bits,
		      __u32 *byte, __u32 *shift, struct bg_error *err)
{
	struct place place;

	if (!find_member(btf, id, name, 0, &place))
		return bg_fail(err, -ENOENT, "sk_buff of this kernel has no %s", name);
	if (place.size_bits != size_bits ||
	    place.bits % BITS + (size_bits < BITS ? size_bits : 0) > BITS ||
	    (size_bits >= BITS && place.bits % BITS))
		return bg_fail(err, -EINVAL, "%s of sk_buff is not as it was: %u bits at bit %u",
			       name, place.size_bits, place.bits);
	*byte = place.bits / BITS;
	if (shift)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		*shift = (place.bits % BITS);
#else
		*shift = (BITS - size_bits - place.bits % BITS);
#endif
	return 0;
}

int bg_skb_layout_find(const struct btf *btf, struct bg_skb_layout *layout, struct bg_error *err)
{
	__s32 id = btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT);
	struct bg_skb_layout found = {};
	__u32 first, end;
	int rc;

	memset(layout, 0, sizeof(*layout));
	if (id < 0)
		return bg_fail(err, id, "this kernel's BTF has no struct sk_buff");
	rc = find_field(btf, id, "ip_summed", SUMMED_BITS, &found.summed, &found.summed_shift,
			err) ?:
	     find_field(btf, id, "csum_start", 16, &found.csum_start, NULL, err) ?:
	     find_field(btf, id, "csum_offset", 16, &found.csum_offset, NULL, err) ?:
	     find_field(btf, id, "head", POINTER_BYTES * BITS, &found.head, NULL, err) ?:
	     find_field(btf, id, "data", POINTER_BYTES * BITS, &found.data, NULL, err);
	if (rc)
		return rc;
	first = found.csum_start;
	end = first;
	for (int i = 0; i < 4; i++) {
		const __u32 at[] = { found.csum_start, found.csum_offset, found.head, found.data };
		const __u32 after = at[i] + (i < 2 ? sizeof(__u16) : POINTER_BYTES);

		first = at[i] < first ? at[i] : first;
		end = after > end ? after : end;
	}
	/* a pointer in the piece stands where one may be read */
	first -= first % POINTER_BYTES;
	if (end - first > BG_SKB_PIECE_BYTES)
		return bg_fail(err, -E2BIG,
			       "sk_buff of this kernel has csum_start and data %u bytes apart",
			       end - first);
	found.piece = first;
	found.piece_bytes = end - first;
	*layout = found;
	return 0;
}

int bg_skb_layout_read(struct bg_skb_layout *layout, struct bg_error *err)
{
	bg_cleanup(btf__free_at) struct btf *btf = NULL;
	int rc;

	memset(layout, 0, sizeof(*layout));
	/* a locked down kernel (confidentiality) lets no program read its memory */
	rc = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_probe_read_kernel, NULL);
	if (rc < 0)
		return bg_fail(err, rc, "asking whether programs may read the kernel's memory: %s",
			       strerror(-rc));
	if (!rc)
		return bg_fail(err, -EOPNOTSUPP, "this kernel lets no program read its memory");
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		rc = -errno;
		return bg_fail(err, access(BTF_OF_KERNEL, F_OK) ? -EOPNOTSUPP : rc,
			       "reading this kernel's BTF (" BTF_OF_KERNEL "): %s", strerror(-rc));
	}
	return bg_skb_layout_find(btf, layout, err) ? -EOPNOTSUPP : 0;
}
