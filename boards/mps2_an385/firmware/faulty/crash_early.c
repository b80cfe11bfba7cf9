/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Dies where main should begin: nothing of ours has run, no task and no handler of the kernel. */

int __wrap_main(void);

int __wrap_main(void)
{
    __builtin_trap();
}
