/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The table at the beginning of a program that has exceptions and no interrupts: the boot ROM and
 * the test images. The firmware's table, with the kernel's and the devices' entries, is its own. */
#ifndef DR_MPS2_COMMON_VECTORS_H
#define DR_MPS2_COMMON_VECTORS_H

/* In the processor's order: exceptions 1 to 15. */
struct dr_vectors {
    void *stack; /* its end: the stack grows downwards */
    void (*reset)(void);
    void (*nmi)(void); /* here: the watchdog's first expiry */
    void (*others[13])(void);
};

/* Every exception but the first two has one end here. */
#define DR_VECTORS_OTHERS(f)                                                                       \
    {                                                                                              \
        f, f, f, f, f, f, f, f, f, f, f, f, f                                                      \
    }

/* Where the linker scripts put it; nothing in the program names it. */
#define DR_VECTORS_SECTION __attribute__((section(".vectors"), used))

#endif
