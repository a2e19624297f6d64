// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which of the processes beside the daemon this one is; main() asks before anything else. */
#include "apart/apart.h"

#include <string.h>
#include <sys/prctl.h>

#include "apart/files.h"
#include "apart/log_writer.h"
#include "apart/parser.h"

int bg_apart_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} processes[] = {
		{ BG_PARSER, bg_parser_main },
		{ BG_FILES, bg_files_main },
		{ BG_LOG_WRITER, bg_log_writer_main },
	};

	for (size_t i = 0; argc && i < sizeof(processes) / sizeof(processes[0]); i++) {
		if (strcmp(argv[0], processes[i].name) != 0)
			continue;
		/* top and ps would call it "exe", by which it was started */
		prctl(PR_SET_NAME, processes[i].name);
		return processes[i].run(argc, argv);
	}
	return -1;
}
