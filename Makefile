# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# One file, no recursion. New sources are picked up by wildcard:
#   user/ROOM/*.c but cmd_*.c         -> $(BUILD)/libbranchguard.a
#   main.c, cmd_*.c and the library   -> $(BUILD)/branchguard
#   fleet/fleet_main.c, fleet/cmd_*.c and the library -> $(BUILD)/branchguard-fleet
#   cni/cni_main.c and the library    -> $(BUILD)/branchguard-cni, static
#   bpf/branchguard.bpf.c             -> $(BUILD)/branchguard.skel.h
#   selftests/{unit,packets}/test_*.c -> one cmocka program each
#   selftests/bench/bench_*.c, tool_*.c -> one program each; a tool is for a script
#   selftests/shared/*.c              -> a library for all of these programs
#   selftests/net/clock.c, fault.c, wayward.c  -> clock.so ..., for LD_PRELOAD
#   for_X.c in such a folder          -> linked into its test_X*.c
# Other *.c in such a folder are linked into every program of the folder.
# Everything of user/ and selftests/ exists a second time under $(BUILD)/san,
# built with ASan and UBSan, and a third time under $(BUILD)/cov, which counts what runs.
# See `make help`.

BUILD ?= build
CLANG ?= clang-19
LLVM_STRIP ?= llvm-strip-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))

# As many jobs as cores, unless told otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s%s\n' $(1) '$(2)';)

# --- what to build ---------------------------------------------------------

# The rooms of user/ that branchguard is made of, lowest first (user/README.md).
ROOMS := base socket source feed apart compile pinned datapath guard show explain daemon verbs \
	fleet/gather fleet/parts fleet/serve fleet/web fleet/kube fleet/etcd fleet/aws fleet cni
PROGRAM_SOURCES := $(wildcard user/main.c user/verbs/cmd_*.c)
FLEET_SOURCES := $(wildcard user/fleet/fleet_main.c user/fleet/cmd_*.c)
CNI_SOURCES := user/cni/cni_main.c
LIB_SOURCES := $(filter-out $(PROGRAM_SOURCES) $(FLEET_SOURCES) $(CNI_SOURCES),$(wildcard $(ROOMS:%=user/%/*.c)))
TEST_DIRS := unit packets bench net
SELFTEST_BPF := $(wildcard selftests/*/*.bpf.c)
tests_of = $(wildcard $(foreach kind,test bench tool,selftests/$(1)/$(kind)_*.c))
# Loaded into the daemon by a test, for LD_PRELOAD.
PRELOADED := selftests/net/attach_times.c selftests/net/clock.c selftests/net/fault.c selftests/net/wayward.c
own_helpers_of = $(wildcard selftests/$(1)/for_*.c)
helpers_of = $(filter-out $(call tests_of,$(1)) $(call own_helpers_of,$(1)) $(SELFTEST_BPF) $(PRELOADED),$(wildcard selftests/$(1)/*.c))
programs_of = $(patsubst %.c,$(2)/%,$(call tests_of,$(1)))

SAN_BUILD := $(BUILD)/san
COV_BUILD := $(BUILD)/cov
OUT := $(if $(filter 1,$(SAN)),$(SAN_BUILD),$(BUILD))
program_in = $(if $(wildcard user/main.c),$(addprefix $(1)/,branchguard branchguard-fleet branchguard-cni),$(1)/libbranchguard.a)

.PHONY: all
all: $(call program_in,$(OUT))

# --- flags -----------------------------------------------------------------

# Where the tree lies is in nothing that is made of it: the same sources and compilers give
# the same bytes.
NAMELESS := -fdebug-prefix-map=$(CURDIR)=.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror \
	-Wno-format-truncation
CPPFLAGS += -D_GNU_SOURCE= -Iheaders -Iuser -Iselftests/shared -I$(BUILD)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARNINGS) -fstack-protector-strong $(NAMELESS)
LIBS := -l:libbpf.a -lelf -lz -ljansson -lyajl -lmnl -lmd -lseccomp
TEST_LIBS := -lcmocka $(LIBS)
%/unit/test_web %/unit/test_web_parts %/unit/test_etcd %/unit/test_aws_answers: TEST_LIBS += -lcurl
%/unit/test_aws_answers %/unit/test_aws_keys: TEST_LIBS += -lexpat
# It has nothing to do with the kernel: where it needs one of the others it does not link.
FLEET_LIBS := -ljansson -lyajl -lmd -lmicrohttpd -lcurl -lexpat
# Runtimes copy a plugin into folders of other systems: it needs none of their libraries.
# (libelf of Debian 13 wants zstd, too.)
CNI_LIBS := -l:libbpf.a -lelf -lz $(if $(filter /%,$(shell $(CC) -print-file-name=libzstd.a)),-lzstd) \
	-ljansson -l:libyajl_s.a -lmd
# gcov's counters, exact ones: nothing is inlined, and threads do not lose any.
COV_FLAGS := --coverage -fprofile-update=atomic -O0
COV_FLAGS_ALSO := selftests/coverage/dump.c
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1

# How many instructions the verifier may walk of each program, from which kernel on:
# a tenth above what it takes now, where it gives up at a million. Kernels differ in
# what they can prune, so the tests' kernels have figures of their own. packets/test_verifier
# prints what each program takes; one that takes more has grown by more than it should,
# or says here why.
VERIFIER_BUDGET := \
	xdp_branch        6.1=78000 6.12=80000  6.18=83000  7.3=69000; \
	xdp_trunk         6.1=77000 6.12=91000  6.18=100000 7.3=79000; \
	tc_branch_ingress 6.1=76000 6.12=89000  6.18=88000  7.3=81000; \
	tc_branch_egress  6.1=88000 6.12=95000  6.18=99000  7.3=86000; \
	tc_trunk_guard    6.1=860   6.12=740    6.18=520    7.3=520;   \
	tc_pod_egress     6.1=83000 6.12=93500  6.18=96500  7.3=85500; \
	tc_pod_ingress    6.1=83500 6.12=89000  6.18=93000  7.3=81500; \
	tc_node_ingress   6.1=71000 6.12=79000  6.18=84000  7.3=70000; \
	tc_node_egress    6.1=84500 6.12=94500 6.18=102000 7.3=88500;  \
	tc_stand_in       6.1=10    6.12=10     6.18=10     7.3=10;    \
	tc_import_flows   6.1=15200 6.12=16900 6.18=16900 7.3=14100
%/packets/test_verifier.o: CPPFLAGS += -DBG_VERIFIER_BUDGET='"$(VERIFIER_BUDGET)"'

# The BPF target knows no multiarch directory, and glibc's headers take it for
# a 32-bit x86 unless told otherwise.
MACHINE := $(shell uname -m)
BPF_CFLAGS := -target bpf -mcpu=v3 -g $(NAMELESS) -O2 -std=gnu11 -Wall -Wextra -Iheaders -Ibpf \
	-idirafter /usr/include/$(MACHINE)-linux-gnu \
	$(if $(filter x86_64,$(MACHINE)),-D__x86_64__)

# --- tools: `check` and `demo` install what is missing, others only say so --

SETTING_UP := $(filter check check-% demo soak bench bench-% setup deb image,$(MAKECMDGOALS))
TOOLS := $(BUILD)/tools.stamp
NAMED := CC='$(CC)' CLANG='$(CLANG)' LLVM_STRIP='$(LLVM_STRIP)' BPFTOOL='$(BPFTOOL)'

$(BUILD)/setup.stamp: scripts/setup.sh
	@mkdir -p $(@D)
	$(Q)scripts/setup.sh
	@touch $@

# Holds the names of the tools that were looked at; for others, look again.
$(TOOLS): scripts/setup.sh $(if $(SETTING_UP),$(BUILD)/setup.stamp)
	@mkdir -p $(@D)
	$(Q)$(NAMED) scripts/setup.sh --check-build
	@echo "$(NAMED)" >$@

ifneq ($(file <$(TOOLS)),$(NAMED))
$(TOOLS): FORCE
endif

# What they compile is made anew when they are others, or of another version.
COMPILERS := $(BUILD)/compilers.stamp
THEY_ARE := $(foreach compiler,CC CLANG,$($(compiler)) $(shell $($(compiler)) -dumpversion 2>/dev/null))

$(COMPILERS): | $(TOOLS)
	@echo $(foreach compiler,CC CLANG,'$($(compiler))' "$$($($(compiler)) -dumpversion)") >$@

ifneq ($(file <$(COMPILERS)),$(THEY_ARE))
$(COMPILERS): FORCE
endif

.PHONY: FORCE
FORCE:

.PHONY: setup
setup:
	$(Q)scripts/setup.sh

# --- BPF -------------------------------------------------------------------

SKELETON := $(BUILD)/branchguard.skel.h
BPF_OBJECT := $(BUILD)/branchguard.bpf.o

$(BUILD)/branchguard.tmp.bpf.o: bpf/branchguard.bpf.c Makefile $(COMPILERS) | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@ && $(CLANG) --version >$(@:.o=.clang)

$(BPF_OBJECT): $(BUILD)/branchguard.tmp.bpf.o
	$(call say,LINK,$@)$(BPFTOOL) gen object $@.new $< && $(LLVM_STRIP) -g $@.new && mv $@.new $@

$(SKELETON): $(BPF_OBJECT)
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name branchguard_bpf > $@.new && mv $@.new $@

$(BUILD)/selftests/%.bpf.o: selftests/%.bpf.c Makefile $(COMPILERS) | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@ && $(LLVM_STRIP) -g $@

# --- version: made anew when HEAD or what clang compiled is another ----------

VERSION := $(shell scripts/version.sh)

$(BUILD)/version.c: $(BUILD)/branchguard.tmp.bpf.o scripts/version.sh
	$(call say,VERSION,$@)scripts/version.sh --c $(<:.o=.clang) >$@.new && mv $@.new $@

ifeq ($(findstring /* $(VERSION) */,$(file <$(BUILD)/version.c)),)
$(BUILD)/version.c: FORCE
endif

# --- user space, plain and sanitized ----------------------------------------

# Only what includes the skeleton waits for it, directly or by one header.
SKELETON_HEADERS := branchguard\.skel\.h \
	$(notdir $(shell grep -ls 'branchguard\.skel\.h' user/*/*.h selftests/*/*.h))
empty :=
SKELETON_USERS := $(shell grep -lsE '"([a-z_/]+/)?($(subst $(empty) $(empty),|,$(strip $(SKELETON_HEADERS))))"' \
	user/main.c user/*/*.c selftests/*/*.c)

SELFTEST_BPF_OBJECTS := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(SELFTEST_BPF))

# Tests of verbs are linked with these, too; the others link faster without.
VERBS := $(wildcard user/verbs/cmd_*.c)
VERB_TESTS := $(wildcard selftests/*/test_verb_*.c)

# A function __wrap_X of selftests/ stands in the place of X in the programs that have it.
wraps_in = $(if $(1),$(sort $(shell grep -Eoh '\b__wrap_[a-zA-Z0-9_]+' $(1) | sed 's/__wrap_/-Wl,--wrap=/')))

# $(1): output directory, $(2): name of the variable with additional flags; $(2)_ALSO names
# sources that every program of this variant has
define variant
$$(patsubst %.c,$(1)/%.o,$$(SKELETON_USERS)): | $$(SKELETON)

$(1)/%.o: %.c Makefile $$(COMPILERS) | $$(TOOLS)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$($(2)) -MMD -MP -c $$< -o $$@

$(1)/version.o: $(BUILD)/version.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$($(2)) -c $$< -o $$@

$(1)/libbranchguard.a: $$(patsubst %.c,$(1)/%.o,$$(LIB_SOURCES))
$(1)/selftests/shared.a: $$(patsubst %.c,$(1)/%.o,$$(wildcard selftests/shared/*.c))
$(1)/libbranchguard.a $(1)/selftests/shared.a:
	$$(call say,AR,$$@)rm -f $$@.new && $$(AR) rcs $$@.new $$^ && mv $$@.new $$@

$(1)/branchguard: $$(patsubst %.c,$(1)/%.o,$$(PROGRAM_SOURCES) $$($(2)_ALSO)) $(1)/version.o $(1)/libbranchguard.a
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$($(2)) $$(LDFLAGS) $$(call wraps_in,$$($(2)_ALSO)) \
		$$^ $$(LIBS) -o $$@.new && mv $$@.new $$@

# (those of the counters need seccomp)
$(1)/branchguard-fleet: $$(patsubst %.c,$(1)/%.o,$$(FLEET_SOURCES) $$($(2)_ALSO)) $(1)/version.o $(1)/libbranchguard.a
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$($(2)) $$(LDFLAGS) $$(call wraps_in,$$($(2)_ALSO)) \
		$$^ $$(FLEET_LIBS) $$(if $$($(2)_ALSO),-lseccomp) -o $$@.new && mv $$@.new $$@

# (what sanitizers and counters need is not to be had static)
$(1)/branchguard-cni: $$(patsubst %.c,$(1)/%.o,$$(CNI_SOURCES) $$($(2)_ALSO)) $(1)/version.o $(1)/libbranchguard.a
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$($(2)) $$(LDFLAGS) $$(call wraps_in,$$($(2)_ALSO)) \
		$(if $(filter NO_FLAGS,$(2)),-static) $$^ $$(CNI_LIBS) $$(if $$($(2)_ALSO),-lseccomp) -o $$@.new && mv $$@.new $$@

$$(foreach dir,$$(TEST_DIRS),$$(eval $$(call test_folder,$(1),$(2),$$(dir))))
$$(VERB_TESTS:%.c=$(1)/%): $$(VERBS:%.c=$(1)/%.o)
endef

# $(1), $(2) as above, $(3): folder in selftests/
define test_folder
$(call programs_of,$(3),$(1)): %: %.o $(patsubst %.c,$(1)/%.o,$(call helpers_of,$(3)) $($(2)_ALSO)) \
		$(1)/selftests/shared.a $(1)/libbranchguard.a
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS) $$($(2)) $$(LDFLAGS) \
		$$(call wraps_in,$$(patsubst $(1)/%.o,%.c,$$(filter $(1)/selftests/%.o,$$^))) \
		-Wl,--start-group $$^ -Wl,--end-group $$(TEST_LIBS) -o $$@

$(foreach helper,$(call own_helpers_of,$(3)),$(call served_by,$(helper),$(1)): $(helper:%.c=$(1)/%.o)
)
endef

# $(1): a helper for_X.c, $(2): output directory; the programs test_X*.
served_by = $(patsubst %.c,$(2)/%,$(wildcard $(subst /for_,/test_,$(1:.c=))*.c))

$(eval $(call variant,$(SAN_BUILD),SAN_FLAGS))
$(eval $(call variant,$(COV_BUILD),COV_FLAGS))
$(eval $(call variant,$(BUILD),NO_FLAGS))

$(BUILD)/%.so: %.c Makefile $(COMPILERS) | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -shared -fPIC $< -o $@ -ldl

NEXT_PROGRAM := $(BUILD)/selftests/net/next_branchguard
$(BUILD)/selftests/net/old_branchguard-%: selftests/net/old/programs.tar.xz
	@mkdir -p $(@D)
	$(call say,TAR,$@)tar xJOf $< ./branchguard-$* >$@.new && chmod +x $@.new && mv $@.new $@

# The build that may come after this one, for the same test.
$(NEXT_PROGRAM): $(wildcard selftests/net/next/* headers/* bpf/*) $(LIB_SOURCES) $(wildcard user/*/*.h user/*/*/*.h) $(PROGRAM_SOURCES) \
		$(BUILD)/branchguard Makefile
	$(call say,NEXT,$@)CC='$(CC)' CLANG='$(CLANG)' LLVM_STRIP='$(LLVM_STRIP)' BPFTOOL='$(BPFTOOL)' \
		CPPFLAGS='-D_GNU_SOURCE=' BPF_CFLAGS='$(BPF_CFLAGS)' LIBS='$(LIBS)' \
		selftests/net/next/make.sh $(BUILD)/next $@.new $(BUILD)/version.c && mv $@.new $@

# Objects are named only in pattern rules: keep them.
.SECONDARY:

# --- installing ----------------------------------------------------------------

COMPLETION := $(BUILD)/branchguard.bash $(BUILD)/branchguard-fleet.bash

# The table in quotes: help texts, the only ones that may have some, are left out.
$(COMPLETION): $(BUILD)/%.bash: $(BUILD)/% scripts/completion.bash
	$(call say,SHELL,$@)(sed 's/@PROGRAM@/$*/' scripts/completion.bash && echo && \
		printf "_branchguard_options[$*]='%s'\n" "$$($< --options | cut -f 1-5 | tr '\t' ,)") >$@.new && mv $@.new $@

PREFIX ?= /usr/local
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
UNIT_FILE := $(DESTDIR)$(UNIT_DIR)/branchguard.service
# FROM:TO:MODE of all that is installed.
INSTALLED := \
	$(BUILD)/branchguard:sbin/branchguard:755 \
	$(BUILD)/branchguard-fleet:bin/branchguard-fleet:755 \
	$(BUILD)/branchguard-cni:sbin/branchguard-cni:755 \
	$(foreach file,$(COMPLETION),$(file):share/bash-completion/completions/$(basename $(notdir $(file))):644) \
	$(foreach page,$(wildcard user/*.[1-9]),$(page):share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)):644)
field = $(word $(1),$(subst :, ,$(2)))
to = $(DESTDIR)$(PREFIX)/$(call field,2,$(1))

define install_file
	$(call say,INSTALL,$(call to,$(1)))install -D -m $(call field,3,$(1)) '$(call field,1,$(1))' '$(call to,$(1))'

endef

.PHONY: install uninstall
install: $(call program_in,$(BUILD)) $(COMPLETION)
	$(foreach file,$(INSTALLED),$(call install_file,$(file)))
	$(call say,INSTALL,$(UNIT_FILE))install -D -m 644 scripts/deploy/branchguard.service '$(UNIT_FILE)' && \
		sed -i 's:@SBIN@:$(PREFIX)/sbin:' '$(UNIT_FILE)'
uninstall:
	$(Q)rm -f $(foreach file,$(INSTALLED),'$(call to,$(file))') '$(UNIT_FILE)'

# --- to nodes ------------------------------------------------------------------

.PHONY: dist deb image
dist:
	$(Q)scripts/deploy/dist.sh $(BUILD)
deb: $(BUILD)/setup-deploy.stamp
	$(Q)scripts/deploy/deb.sh $(BUILD)
image: $(BUILD)/setup-deploy.stamp
	$(Q)scripts/deploy/image.sh $(BUILD)
$(BUILD)/setup-deploy.stamp: scripts/setup.sh $(BUILD)/setup.stamp
	$(Q)scripts/setup.sh --deploy
	@touch $@

# --- tests -------------------------------------------------------------------

UNIT := $(call programs_of,unit,$(OUT))
PACKETS := $(call programs_of,packets,$(OUT))
BENCH := $(call programs_of,bench,$(BUILD))
# Programs of the past, for the test of upgrades.
OLD_PROGRAMS := $(patsubst %,$(BUILD)/selftests/net/old_branchguard-%,1 2 3)
NET_TOOLS := $(call programs_of,net,$(BUILD)) $(PRELOADED:%.c=$(BUILD)/%.so) $(OLD_PROGRAMS) \
	$(NEXT_PROGRAM)

UNIT_SAN := $(call programs_of,unit,$(SAN_BUILD))
NET := $(wildcard selftests/net/test_*.sh)
ATTACKS := $(wildcard selftests/attacks/test_*.py selftests/attacks/test_*.sh)
PACKAGING := $(wildcard selftests/packaging/test_*.sh)

# libFuzzer on the pure parts, all by clang.
FUZZ := $(patsubst selftests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard selftests/fuzz/fuzz_*.c))
FUZZ_SOURCES := $(wildcard user/feed/*.c user/compile/*.c) \
	$(patsubst %,user/explain/%.c,query question frame missing) \
	$(patsubst %,user/show/%.c,out event_filter event_text) \
	$(wildcard user/fleet/gather/*.c user/fleet/parts/*.c) \
	$(patsubst %,user/fleet/aws/%.c,xml ec2_answers ec2_page name_set form aws_keys refusal) \
	$(patsubst %,user/cni/%.c,raw_json prev_result network_config conflist) \
	$(patsubst %,user/socket/%.c,request line_queue) $(wildcard user/guard/netlink*.c) \
	$(patsubst %,user/datapath/%.c,layouts layout_1 layout_2 layout_3 fate) $(patsubst %,user/pinned/%.c,foreign pin) \
	$(filter-out user/base/libbpf_log.c,$(wildcard user/base/*.c))
FUZZERS_RUN := $(foreach fuzzer,$(FUZZ),'$(subst fuzz_,fuzz/,$(notdir $(fuzzer)))=selftests/fuzz/run.sh $(fuzzer)')
FUZZ_FLAGS := -g -O1 -std=gnu11 $(filter-out -Wno-format-truncation,$(WARNINGS)) \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(BUILD)/fuzz/%.o: %.c Makefile $(COMPILERS) | $(TOOLS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(FUZZ): $(BUILD)/fuzz/%: $(BUILD)/fuzz/selftests/fuzz/%.o $(patsubst %.c,$(BUILD)/fuzz/%.o,$(FUZZ_SOURCES))
	$(call say,LD,$@)$(CLANG) $(FUZZ_FLAGS) $^ $(LIBS) -lexpat -o $@

KERNELS := $(shell awk '!/^\#/ { print $$1 }' selftests/vm/kernels.list)

.PHONY: tests unit unit-san packets net attacks packaging lint fuzz
tests: $(UNIT) $(PACKETS) $(BENCH) $(NET_TOOLS) $(SELFTEST_BPF_OBJECTS)
unit: $(UNIT)
	$(Q)selftests/run $(UNIT)
unit-san: $(UNIT_SAN)
	$(Q)selftests/run $(UNIT_SAN)
packets: $(PACKETS)
	$(Q)selftests/run $(PACKETS)
net: all $(NET_TOOLS) $(SELFTEST_BPF_OBJECTS)
	$(Q)selftests/run $(NET)
# 100,000 frames and 10,000 sequences in all; the whole check has a sample.
attacks: export BG_FRAMES ?= 25000
attacks: export BG_SEQUENCES ?= 10000
attacks: export BG_SEED ?= $(shell echo $$((RANDOM)))
attacks: all $(NET_TOOLS) $(SELFTEST_BPF_OBJECTS)
	$(Q)selftests/run $(ATTACKS)
packaging: $(call program_in,$(BUILD)) $(COMPLETION)
	$(Q)BG_BUILD=$(BUILD) selftests/run $(PACKAGING)
fuzz: $(FUZZ)
	$(Q)selftests/run $(FUZZERS_RUN)
lint: $(call program_in,$(BUILD))
	$(Q)BG_BUILD=$(BUILD) scripts/lint.sh

# All suites in one run, so that there is one closing line.
SUITES_QUICK := selftests/runner/test_run.sh $(PACKAGING) \
	--beside lint='BG_BUILD=$(BUILD) scripts/lint.sh' \
	$(UNIT) $(UNIT_SAN) $(FUZZERS_RUN) $(PACKETS) $(NET) $(ATTACKS)
# The guests go on while the host's tests wait for what must not come. They find out
# by themselves what hangs in them (vm/boot.sh), before the runner does.
SUITES_VM := --silence 1200 --beside 'vm=selftests/vm/matrix.sh $(KERNELS)' --silence 600
CHECKED := $(call program_in,$(BUILD)) $(COMPLETION) $(call program_in,$(SAN_BUILD)) \
	$(UNIT) $(UNIT_SAN) $(FUZZ) $(PACKETS) $(NET_TOOLS) $(SELFTEST_BPF_OBJECTS)

.PHONY: check check-quick check-vm
check: $(CHECKED)
	$(Q)BG_BUILD=$(BUILD) selftests/run $(SUITES_VM) $(SUITES_QUICK)
check-quick: $(CHECKED)
	$(Q)BG_BUILD=$(BUILD) selftests/run $(SUITES_QUICK)
check-vm: $(call program_in,$(BUILD)) $(PACKETS) $(NET_TOOLS) $(SELFTEST_BPF_OBJECTS)
	$(Q)BG_BUILD=$(BUILD) selftests/run $(SUITES_VM)

# The packet tests on arm64: a cross compiler's, in one guest.
ARM64 := $(BUILD)/arm64
.PHONY: check-arm64 packets-built
packets-built: all $(PACKETS)
check-arm64: $(BUILD)/setup-arm64.stamp
	$(Q)fetched=$$(selftests/vm/fetch-arm64.sh) && \
		$(MAKE) BUILD=$(ARM64) MACHINE=aarch64 CC="aarch64-linux-gnu-gcc --sysroot=$$fetched/root" packets-built
	$(Q)BG_BUILD=$(ARM64) selftests/run --silence 1200 arm64=selftests/vm/arm64.sh
$(BUILD)/setup-arm64.stamp: scripts/setup.sh $(BUILD)/setup.stamp
	$(Q)scripts/setup.sh --arm64
	@touch $@

# What is handed to nodes, made twice and run: minutes.
.PHONY: check-deploy
check-deploy: all $(NET_TOOLS) $(BUILD)/setup-deploy.stamp
	$(Q)BG_BUILD=$(BUILD) selftests/run --silence 1200 $(wildcard selftests/packaging/slow_*.sh)

# With a real API server, which is built once: minutes.
.PHONY: check-cluster
check-cluster: all
	$(Q)server=$$(selftests/cluster/build-apiserver.sh) && \
		BG_BUILD=$(BUILD) BG_KUBE_APISERVER=$$server selftests/run selftests/net/test_fleet_cluster.sh \
			$(wildcard selftests/cluster/test_*.sh)

# Hours: what net/test_killed.sh and test_soak.sh have a sample of in every check. BG_SEED=N
# repeats a course.
.PHONY: soak
soak: export BG_SOAK_REVISIONS ?= 10000
soak: export BG_SOAK_CHANGES ?= 10000
soak: export BG_SOAK_BURST ?= 50
soak: export BG_SOAK_HASTE ?= 2
soak: export BG_SOAK_STORM ?= 400
soak: export BG_KILLS ?= 0
soak: export BG_SEED ?= $(shell echo $$((RANDOM)))
soak: $(call program_in,$(BUILD)) $(NET_TOOLS)
	$(Q)BG_BUILD=$(BUILD) selftests/run --timeout 86400 selftests/net/test_killed.sh selftests/net/test_soak.sh

# What of user/ the tests run. COVER names their kinds; `net` is the daemon itself, in half
# an hour more. Nobody has to reach every line, but each function of these files runs: what
# opens or shuts the node is decided there. (Not datapath/adopt: what it reads of builds
# of before only net/test_upgrade.sh has.)
COVER := unit packets
COVER_LEAST := 80
COVER_DECISIVE := $(wildcard user/guard/*.c) $(patsubst %,user/%.c, \
	datapath/attach datapath/link_name datapath/order datapath/fate datapath/clsact \
	datapath/layouts datapath/layout_2 datapath/layout_3 datapath/publish base/sound pinned/pin pinned/home \
	feed/settle feed/merge feed/held feed/wire feed/wire_values compile/policy compile/classes \
	cni/cni_call cni/gate cni/network_config cni/prev_result daemon/settled daemon/holding daemon/unload daemon/unload_plan base/seccomp base/caps source/owner)
COVERED := $(foreach kind,$(filter unit packets,$(COVER)),$(call programs_of,$(kind),$(COV_BUILD)))
COVERED_NET := $(if $(filter net,$(COVER)),$(NET))
# Of these there is no third build: nothing is counted in them.
COV_LINKS := $(patsubst $(BUILD)/%,$(COV_BUILD)/%, \
	$(PRELOADED:%.c=$(BUILD)/%.so) $(OLD_PROGRAMS) $(NEXT_PROGRAM) $(SELFTEST_BPF_OBJECTS))

$(COV_LINKS): $(COV_BUILD)/%: $(BUILD)/%
	@mkdir -p $(@D)
	$(call say,LN,$@)ln -sfr $< $@

.PHONY: coverage
coverage: $(COVERED) $(call program_in,$(COV_BUILD)) \
		$(if $(COVERED_NET),$(COV_LINKS) $(call programs_of,net,$(COV_BUILD)))
	$(Q)scripts/coverage.sh --begin $(COV_BUILD)
	$(Q)BG_BUILD=$(COV_BUILD) BG_TEST_LOGS=$(COV_BUILD)/test-logs selftests/run $(COVERED) $(COVERED_NET); \
		status=$$?; CC='$(CC)' scripts/coverage.sh $(COV_BUILD) $(COVER_LEAST) $(COVER_DECISIVE) && exit $$status

.PHONY: demo
demo: $(call program_in,$(BUILD))
	$(Q)BG_BUILD=$(BUILD) scripts/demo.sh

# Figures, not a test: it needs a machine that has nothing else to do.
BENCH_OPTIONS := $(if $(filter 1,$(JSON)),--json)
.PHONY: bench bench-forward
bench: $(BENCH) $(SELFTEST_BPF_OBJECTS) all
	$(Q)for bench in $(filter-out %/tool_stream,$(BENCH)); do $$bench $(BENCH_OPTIONS) || exit; done
	$(Q)BG_BUILD=$(BUILD) selftests/bench/forward.sh $(BENCH_OPTIONS)
bench-forward: $(BENCH) $(SELFTEST_BPF_OBJECTS) all
	$(Q)BG_BUILD=$(BUILD) selftests/bench/forward.sh $(BENCH_OPTIONS)

# --- the rest ----------------------------------------------------------------

# For clangd and its like: every source with its flags, but for one of gcc's alone.
comma := ,
define command_of
$(file >>$@.new,{ "directory": "$(CURDIR)"$(comma) "file": "$(2)"$(comma) "command": "$(strip $(1)) -c $(2)" }$(comma))
endef
BPF_SOURCES := bpf/branchguard.bpf.c $(SELFTEST_BPF)
FUZZERS := $(wildcard selftests/fuzz/*.c)
compile_commands.json: $(SKELETON) FORCE
	$(file >$@.new,[)
	$(foreach source,$(BPF_SOURCES),$(call command_of,$(CLANG) $(BPF_CFLAGS),$(source)))
	$(foreach source,$(FUZZERS),$(call command_of,$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS),$(source)))
	$(foreach source,$(filter-out $(BPF_SOURCES) $(FUZZERS),$(wildcard user/*.c user/*/*.c user/*/*/*.c selftests/*/*.c)),\
		$(call command_of,$(CC) $(CPPFLAGS) $(filter-out -Wno-format-truncation,$(CFLAGS)),$(source)))
	$(call say,JSON,$@)sed -i '$$s/,$$//' $@.new && echo ']' >>$@.new && mv $@.new $@

.PHONY: format clean help
format:
	find bpf headers user selftests -name '*.[ch]' -exec clang-format-19 -i {} +

clean:
	rm -rf $(BUILD)

help:
	@printf '%s\n' \
	'make            build $(BUILD)/branchguard, branchguard-fleet and branchguard-cni' \
	'make SAN=1      the same with ASan and UBSan, in $(BUILD)/san' \
	'make coverage   which lines of user/ the unit and packet tests run (root);' \
	'                COVER="unit packets net" with the daemon, in the lab' \
	'make demo       install what is missing, build, and show what it does (root)' \
	'make check      install what is missing, build, run every test (root)' \
	'make check-quick, check-vm   the same without, or only, the VMs' \
	'make check-arm64 the packet tests on an arm64 kernel, under QEMU (root)' \
	'make unit, unit-san, packets, net, attacks, packaging, lint, fuzz   one kind of tests alone' \
	'make tests      build all test programs (unit, packets, bench)' \
	'make soak       10,000 revisions and changes of interfaces, with faults (root, hours)' \
	'make bench      compile times, ns per packet, forwarding (root); JSON=1 prints JSON' \
	'make bench-forward   only forwarding: with no firewall, ours, and nftables' \
	'make install, uninstall   below PREFIX ($(PREFIX)), with DESTDIR before it' \
	'make dist, deb, image   a tarball of the sources; Debian packages and container' \
	'                images of them (in $(BUILD))' \
	'make check-deploy   that these come out the same twice, and work (root, minutes)' \
	'make check-cluster  parts, manifests and rights with a real Kubernetes API server, which it builds once (root)' \
	'make setup      only install what is missing (root, Debian 12 or later)' \
	'make compile_commands.json   for clangd: every source with its flags' \
	'make format     clang-format over all C' \
	'make clean      remove $(BUILD)/' \
	'Variables: V=1 shows the commands, BUILD=DIR builds elsewhere, CC, CLANG, CFLAGS.'

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')
