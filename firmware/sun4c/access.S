/* What C cannot say: accesses that may fault, other address spaces, the processor's registers. */
#include "sun4c.h"

        .text
        .globl  guarded_read, guarded_write, try_fpu, clear_fpu
        .globl  control_get8, control_get32, control_put8, control_put32, segment_get, segment_put
        .globl  page_get, page_put, get_psr, set_psr, get_tbr

/* int guarded_read(u32 address, u32 size, u32 *value), int guarded_write(u32 address, u32 size, u32 value):
 * 0 after a fault. */
guarded_read:
        set     nofault, %o3
        set     fault, %o4
        st      %o4, [%o3]
        cmp     %o1, 2
        blu     1f
         mov    %o0, %o5
        be      2f
         nop
        ba      3f
         ld     [%o5], %o4
1:      ba      3f
         ldub   [%o5], %o4
2:      lduh    [%o5], %o4
3:      st      %g0, [%o3]
        st      %o4, [%o2]
        retl
         mov    1, %o0
guarded_write:
        set     nofault, %o3
        set     fault, %o4
        st      %o4, [%o3]
        cmp     %o1, 2
        blu     1f
         mov    %o0, %o5
        be      2f
         nop
        ba      3f
         st     %o2, [%o5]
1:      ba      3f
         stb    %o2, [%o5]
2:      sth     %o2, [%o5]
3:      st      %g0, [%o3]
        retl
         mov    1, %o0
fault:  retl
         mov    0, %o0

/* int try_fpu(void): 1 if PSR's EF can be set, which it cannot without one. */
try_fpu:
        rd      %psr, %o1
        set     PSR_EF, %o2
        or      %o1, %o2, %o3
        wr      %o3, 0, %psr
        nop
        nop
        nop
        rd      %psr, %o3
        wr      %o1, 0, %psr
        nop
        andcc   %o3, %o2, %o0
        bne,a   1f
         mov    1, %o0
1:      retl
         nop

/* void clear_fpu(void): no exceptions wanted or seen, rounding to nearest. */
clear_fpu:
        rd      %psr, %o1
        set     PSR_EF, %o2
        or      %o1, %o2, %o2
        wr      %o2, 0, %psr
        set     no_state, %o2
        nop
        nop
        ld      [%o2], %fsr
        wr      %o1, 0, %psr
        nop
        nop
        retl
         nop
no_state:
        .word   0

control_get8:
        retl
         lduba  [%o0] ASI_CONTROL, %o0
control_get32:
        retl
         lda    [%o0] ASI_CONTROL, %o0
control_put8:
        retl
         stba   %o1, [%o0] ASI_CONTROL
control_put32:
        retl
         sta    %o1, [%o0] ASI_CONTROL
segment_get:
        retl
         lduba  [%o0] ASI_SEGMENT_MAP, %o0
segment_put:
        retl
         stba   %o1, [%o0] ASI_SEGMENT_MAP
page_get:
        retl
         lda    [%o0] ASI_PAGE_MAP, %o0
page_put:
        retl
         sta    %o1, [%o0] ASI_PAGE_MAP
get_psr:
        retl
         rd     %psr, %o0
get_tbr:
        retl
         rd     %tbr, %o0
set_psr:                                        /* the caller may have left the window that o0 was read in */
        rd      %psr, %o1
        and     %o1, PSR_CWP, %o1
        andn    %o0, PSR_CWP, %o0
        wr      %o0, %o1, %psr
        nop
        nop
        nop
        retl
         nop
