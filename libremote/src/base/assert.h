/* Assertions for our own mistakes, never for what a peer sent. They trap: the core prints
 * nothing and calls no libc handler. */
#ifndef LRM_BASE_ASSERT_H
#define LRM_BASE_ASSERT_H

#ifdef NDEBUG
#define LRM_ASSERT(condition) ((void)sizeof(!(condition))) /* named, so used; not evaluated */
#else
#define LRM_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#endif

#endif
