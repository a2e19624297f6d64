// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where struct sk_buff has what a device is to fill in, by BTF that is made here: nested as
 * kernels nest it, with a field that is missing, one of another size, or too far away; and by
 * that of the running kernel, also where that cannot be read this time.
 */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "datapath/kernel_skb.h"
#include "test.h"

#define VMLINUX "/sys/kernel/btf/vmlinux"

static int u8_id, u16_id, u64_id, pointer_id;

static struct btf *new_btf(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	u8_id = btf__add_int(btf, "unsigned char", 1, 0);
	u16_id = btf__add_int(btf, "unsigned short", 2, 0);
	u64_id = btf__add_int(btf, "unsigned long", 8, 0);
	pointer_id = btf__add_ptr(btf, u8_id);
	return btf;
}

struct as {
	const char *csum_start; /* its name */
	int csum_start_type;
	__u32 summed_bit, summed_bits, data_bytes;
};

/*
 * struct sk_buff {
 *	__u64 next;
 *	union { struct { ...; __u8 ip_summed:2; }; struct {} headers; };
 *	union { __u64 csum; struct { __u16 csum_start; __u16 csum_offset; }; };
 *	unsigned char *head, *data;
 * };
 */
static struct btf *sk_buff(const struct as *as)
{
	struct btf *btf = new_btf();
	int flags, headers, sums, either;

	flags = btf__add_struct(btf, "", 8);
	btf__add_field(btf, "pkt_type", u8_id, 0, 3);
	btf__add_field(btf, "ip_summed", u8_id, as->summed_bit, as->summed_bits);
	headers = btf__add_union(btf, "", 8);
	btf__add_field(btf, "", flags, 0, 0);
	btf__add_field(btf, "headers", flags, 0, 0);
	sums = btf__add_struct(btf, "", 4);
	btf__add_field(btf, as->csum_start, as->csum_start_type ?: u16_id, 0, 0);
	btf__add_field(btf, "csum_offset", u16_id, 16, 0);
	either = btf__add_union(btf, "", 8);
	btf__add_field(btf, "csum", u64_id, 0, 0);
	btf__add_field(btf, "", sums, 0, 0);
	btf__add_struct(btf, "sk_buff", as->data_bytes + 8);
	btf__add_field(btf, "next", u64_id, 0, 0);
	btf__add_field(btf, "", headers, 64, 0);
	btf__add_field(btf, "", either, 160, 0);
	btf__add_field(btf, "head", pointer_id, 256, 0);
	btf__add_field(btf, "data", pointer_id, as->data_bytes * 8, 0);
	return btf;
}

static const struct as usual = { "csum_start", 0, 13, 2, 40 };

static void as_kernels_nest_it(void **state)
{
	struct bg_skb_layout layout;
	struct btf *btf = sk_buff(&usual);
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_skb_layout_find(btf, &layout, &err), 0);
	assert_int_equal(layout.summed, 9);
	assert_int_equal(layout.summed_shift, 5);
	assert_int_equal(layout.csum_start, 20);
	assert_int_equal(layout.csum_offset, 22);
	assert_int_equal(layout.head, 32);
	assert_int_equal(layout.data, 40);
	assert_int_equal(layout.piece, 16);
	assert_int_equal(layout.piece_bytes, 32);
	btf__free(btf);
}

static void what_is_not_as_it_was_is_said(void **state)
{
	static const struct {
		struct as as;
		int rc;
		const char *says;
	} cases[] = {
		{ { "csum_begin", 0, 13, 2, 40 }, -ENOENT, "no csum_start" },
		{ { "csum_start", 1, 13, 2, 40 }, -EINVAL, "csum_start of sk_buff" },
		{ { "csum_start", 0, 13, 3, 40 }, -EINVAL, "ip_summed of sk_buff" },
		{ { "csum_start", 0, 7, 2, 40 }, -EINVAL, "ip_summed of sk_buff" },
		{ { "csum_start", 0, 13, 2, 400 }, -E2BIG, "bytes apart" },
	};
	struct bg_skb_layout layout;
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct btf *btf = sk_buff(&cases[i].as);

		memset(&layout, 0xff, sizeof(layout));
		assert_int_equal(bg_skb_layout_find(btf, &layout, &err), cases[i].rc);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(layout.piece_bytes, 0);
		btf__free(btf);
	}
}

static void without_it_nothing_is_known(void **state)
{
	struct btf *btf = new_btf();
	struct bg_skb_layout layout;
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_skb_layout_find(btf, &layout, &err), -ENOENT);
	assert_int_equal(layout.piece_bytes, 0);
	btf__free(btf);
}

/* Whichever it is: 6.1 is the oldest. */
static void this_kernel_has_it(void **state)
{
	struct bg_skb_layout layout;
	struct bg_error err;
	struct btf *btf;

	(void)state;
	if (access(VMLINUX, R_OK))
		skip();
	btf = btf__load_vmlinux_btf();
	assert_non_null(btf);
	if (bg_skb_layout_find(btf, &layout, &err))
		fail_msg("%s", err.text);
	assert_int_equal(layout.data, layout.head + 8);
	btf__free(btf);
}

/* Else the programs would go without it until the next start. */
static void what_could_not_be_asked_is_no_answer(void **state)
{
	struct bg_skb_layout layout;
	struct rlimit before, none;
	struct bg_error err;
	int rc;

	(void)state;
	if (access(VMLINUX, R_OK))
		skip();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = bg_skb_layout_read(&layout, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(rc < 0);
	assert_int_not_equal(rc, -EOPNOTSUPP);
	assert_int_equal(layout.piece_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_kernels_nest_it),
		cmocka_unit_test(what_is_not_as_it_was_is_said),
		cmocka_unit_test(without_it_nothing_is_known),
		cmocka_unit_test(this_kernel_has_it),
		cmocka_unit_test(what_could_not_be_asked_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
