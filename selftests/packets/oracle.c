// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The oracle of the unit tests and its random models, here too. */
#include "../unit/oracle.c"
#include "../unit/random_model.c"
