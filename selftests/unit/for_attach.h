/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of what is attached: an interface, vlan.eth.9, of a kernel that fails any call
 * (scripted_bpf.h), and programs for it. */
#ifndef FOR_ATTACH_H
#define FOR_ATTACH_H

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/attach.h"
#include "datapath/attach_look.h"
#include "datapath/clsact.h"
#include "datapath/datapath.h"
#include "scripted_datapath.h"
#include "test.h"

#define ETH 7

extern const char *pin_dir;
extern struct bg_datapath *datapath;
extern struct bg_attach_context context;

/* Set-up and teardown of each test. */
int begin(void **state);
int begin_without_tcx(void **state);
int end(void **state);

#define WITH_TCX(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, begin_without_tcx, end)

#define ERRORS 5
extern const int errors[ERRORS];

/* Another datapath, whose programs have numbers of their own. */
void load(void);

/* In the place of the one that begin() loaded: with its maps and programs pinned. */
void load_pinned(void);

/* At that interface. */
struct bg_attachment wanted(enum bg_program program);
struct bg_attachment attach(enum bg_program program);
void detach(struct bg_attachment *attachment);
bool is_there(const struct bg_attachment *attachment);

/* What packets meet there, as "other, tc_branch_ingre"; the caller frees it. */
char *names_on(enum bg_hook hook);
void packets_meet(enum bg_hook hook, const char *expected);

void names_program_and_interface(const struct bg_error *err);

#endif
