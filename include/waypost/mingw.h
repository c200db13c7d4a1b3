/*
 * What a module on Linux needs before the public-domain headers of mingw-w64, if it is compiled against those instead of ours:
 *
 *     gcc -fPIC -shared -fshort-wchar -include waypost/mingw.h -isystem <mingw-w64>/include ... -lwaypost-routprot
 *
 * With _WIN64 and a machine whose `long` has 64 bits they make a DWORD of an int; -fshort-wchar makes a WCHAR of 16 bits.
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
