/* Lets user-mode-linux 6.1 run on processors whose register state is larger than it was built for.
 *
 * It saves and restores the registers of its processes by ptrace, in a buffer of 2696 bytes: enough
 * up to AVX-512. The host's kernel takes a whole state or none: on a processor with AMX (10,688
 * bytes) it refuses (EFAULT), and the guest dies at its first process. This stands between the two
 * (LD_PRELOAD): it cuts what is read, and fills up what is written with the initial state, which is
 * the only one that AMX can have in a guest, since nobody there can ask for the permission to use it.
 *
 * gcc -O2 -shared -fPIC -nostdlib -fno-builtin; no header and no library is needed.
 */

#define SYS_PTRACE 101
#define PTRACE_GETREGSET 0x4204
#define PTRACE_SETREGSET 0x4205
#define NT_X86_XSTATE 0x202
/* struct xstate_header: the first word says which components are not in their initial state. */
#define XSTATE_BV 512
/* x87, SSE, AVX, MPX, AVX-512 and PKRU: what lies within the 2696 bytes. */
#define COMPONENTS 0x2fful

struct iovec {
  void *base;
  unsigned long length;
};

extern int *__errno_location(void);

static char state[65536] __attribute__((aligned(64)));

static long kernel_ptrace(long request, long pid, long address, void *data) {
  long result;
  register void *fourth __asm__("r10") = data;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"((long)SYS_PTRACE), "D"(request), "S"(pid), "d"(address), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}

static unsigned long smaller(unsigned long a, unsigned long b) { return a < b ? a : b; }

static long get_state(long pid, struct iovec *asked) {
  struct iovec whole = {state, sizeof state};
  long result = kernel_ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &whole);
  if (result != 0) return result;
  asked->length = smaller(asked->length, whole.length);
  for (unsigned long i = 0; i < asked->length; i++) ((char *)asked->base)[i] = state[i];
  return 0;
}

static long set_state(long pid, struct iovec *asked) {
  static unsigned long size;
  struct iovec whole = {state, sizeof state};
  if (size == 0) {
    long result = kernel_ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &whole);
    if (result != 0) return result;
    size = whole.length;
  }
  unsigned long given = smaller(asked->length, size);
  for (unsigned long i = 0; i < given; i++) state[i] = ((char *)asked->base)[i];
  for (unsigned long i = given; i < size; i++) state[i] = 0;
  if (given < size) *(unsigned long *)(state + XSTATE_BV) &= COMPONENTS;
  whole.length = size;
  return kernel_ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &whole);
}

long ptrace(long request, long pid, long address, void *data) {
  long result, word;
  /* The kernel stores the result of PTRACE_PEEK…; libc's function returns it. */
  int peek = request >= 1 && request <= 3;
  if (request == PTRACE_GETREGSET && address == NT_X86_XSTATE) {
    result = get_state(pid, data);
  } else if (request == PTRACE_SETREGSET && address == NT_X86_XSTATE) {
    result = set_state(pid, data);
  } else {
    result = kernel_ptrace(request, pid, address, peek ? &word : data);
  }
  if (result < 0) {
    *__errno_location() = -result;
    return -1;
  }
  if (!peek) return result;
  *__errno_location() = 0;
  return word;
}
