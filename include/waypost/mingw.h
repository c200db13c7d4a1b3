/*
 * What a module on Linux needs before the public-domain headers of mingw-w64, if it is compiled against those instead of ours:
 *
 *     gcc -fPIC -shared -fshort-wchar -fms-extensions -include waypost/mingw.h -isystem <mingw-w64>/include ... -lwaypost-routprot
 *
 * With _WIN64 and a machine whose `long` has 64 bits they make a DWORD of an int; -fshort-wchar makes a WCHAR of 16 bits, and
 * -fms-extensions lets stm.h have a member without a name. Where both kinds of headers are meant, as in describe.h, theirs are
 * taken. They say of nothing that it is to be seen from outside: with -fvisibility=hidden RegisterProtocol is not. Their <string.h> and
 * <stdio.h> are those of Windows, too: what prints or uses sockets is better in files of its own.
 * What they declare as imported is linked as everything is on Linux, and both sides use the C convention of the machine.
 *
 * Copyright the Waypost authors. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _WIN32 1
#define _WIN64 1
#define WIN32_LEAN_AND_MEAN 1
#define __int64 long long
#define __int32 int
#define __cdecl
#define __stdcall
#define __declspec(note)
/* The version of the interface, which is the only one that there is. */
#define MPR50 1
