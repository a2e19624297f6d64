// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides whether ours are still the first, and alone. attach.c asks the kernel and then
 * this; guard/ moves a program to the front, or lets packets keep to the stack, by the
 * answer. What the kernel was not asked is not guessed.
 */
#include "datapath/order.h"

#include "datapath/clsact.h"

bool bg_is_our_handle(__u32 handle)
{
	return (handle >= BG_FILTER_HANDLE && handle < BG_FILTER_HANDLE + BG_FILTER_NUMBERS) ||
	       (handle >= BG_FILTER_OTHER_HANDLE &&
		handle < BG_FILTER_OTHER_HANDLE + BG_FILTER_NUMBERS);
}

static bool is_one_of(const struct bg_attachment ours[BG_PROGRAMS], __u32 prog_id)
{
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (ours[program].by == BG_ATTACH_TCX && ours[program].prog_id == prog_id)
			return true;
	return false;
}

bool bg_order_is_behind(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			const struct bg_hooked *hooked)
{
	switch (ours[program].by) {
	case BG_ATTACH_TCX:
		return hooked->tcx_programs > 0 && !is_one_of(ours, hooked->first_tcx);
	case BG_ATTACH_CLSACT:
		/* tcx comes before every filter */
		return hooked->tcx_programs > 0 || !bg_is_our_handle(hooked->first_filter);
	default:
		return false;
	}
}

bool bg_order_is_shared(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			const struct bg_hooked *hooked)
{
	int tcx_on_hook = 0, filters = 0;

	for (int other = 0; other < BG_PROGRAMS; other++) {
		filters += ours[other].by == BG_ATTACH_CLSACT;
		tcx_on_hook += ours[other].by == BG_ATTACH_TCX &&
			       bg_program_hook(other) == bg_program_hook(program);
	}
	return hooked->filters_on_interface > filters || hooked->tcx_programs > tcx_on_hook;
}
