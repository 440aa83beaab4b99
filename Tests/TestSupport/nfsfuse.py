#!/usr/bin/env python3
"""Mounts an NFSv3 export with FUSE, through libnfs: for tests on machines whose kernel has no NFS client.

    nfsfuse.py nfs://ADDRESS/PATH?version=3 MOUNTPOINT

It tries for a minute until the server lets it in. It serves one request after the other until it is unmounted or killed, caches nothing, knows no locks, and waits for a
server that does not answer as long as it takes, as a hard mount does. Errors of the server are passed on as they are.
"""

import ctypes
import errno
import os
import stat
import sys
import time
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_long, c_uint16, c_uint64, c_ulong, c_void_p

# Debian's python3-fusepy; elsewhere the module is called fuse.
try:
    from fusepy import FUSE, FuseOSError, Operations
except ImportError:
    from fuse import FUSE, FuseOSError, Operations



def load():
    for name in ('libnfs.so.13', 'libnfs.so.14'):
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    sys.exit('no libnfs that this program knows')


library = load()


def structure(name, kind, fields):
    return type(name, (Structure,), {'_fields_': [(field, kind) for field in fields.split()]})


Stat = structure('Stat', c_uint64, 'dev ino mode nlink uid gid rdev size blksize blocks at mt ct atn mtn ctn used')
# As statvfs(3) has it, with the room that it keeps for later.
Space = structure('Space', c_ulong, 'bsize frsize blocks bfree bavail files ffree favail fsid flag namemax a b c d')
Time = structure('Time', c_long, 'seconds microseconds')
Url = structure('Url', c_char_p, 'server path file')


class Entry(Structure):
    pass


Entry._fields_ = [('next', POINTER(Entry)), ('name', c_char_p), ('inode', c_uint64)]


def function(name, *arguments, result=c_int):
    found = getattr(library, 'nfs_' + name)
    found.argtypes, found.restype = arguments, result
    return found


PATH = c_char_p
CALLS = {
    'mount': (PATH, PATH), 'lstat64': (PATH, c_void_p), 'opendir': (PATH, c_void_p),
    'open2': (PATH, c_int, c_int, c_void_p), 'pread': (c_void_p, c_uint64, c_uint64, c_void_p),
    'pwrite': (c_void_p, c_uint64, c_uint64, c_void_p), 'fsync': (c_void_p,), 'close': (c_void_p,),
    'truncate': (PATH, c_uint64), 'mkdir2': (PATH, c_int), 'rmdir': (PATH,), 'unlink': (PATH,),
    'rename': (PATH, PATH), 'symlink': (PATH, PATH), 'link': (PATH, PATH), 'readlink': (PATH, c_void_p, c_int),
    'chmod': (PATH, c_int), 'lchown': (PATH, c_int, c_int), 'utimes': (PATH, c_void_p), 'statvfs': (PATH, c_void_p),
}  # fmt: skip
calls = {name: function(name, c_void_p, *arguments) for name, arguments in CALLS.items()}
init_context = function('init_context', result=c_void_p)
parse_url = function('parse_url_dir', c_void_p, PATH, result=POINTER(Url))
get_error = function('get_error', c_void_p, result=c_char_p)
read_entry = function('readdir', c_void_p, c_void_p, result=POINTER(Entry))
close_directory = function('closedir', c_void_p, c_void_p, result=None)
set_umask = function('umask', c_void_p, c_uint16, result=None)


class NFS(Operations):
    def __init__(self, url):
        self.files = {}
        self.last = 0
        end = time.monotonic() + 60
        while True:
            # One that could not mount is of no further use.
            self.context = init_context()
            where = parse_url(self.context, os.fsencode(url))
            set_umask(self.context, 0)
            if not calls['mount'](self.context, where.contents.server, where.contents.path):
                return
            if time.monotonic() > end:
                sys.exit(f'mount: {get_error(self.context).decode()}')
            time.sleep(0.1)

    def call(self, name, *arguments):
        result = calls[name](self.context, *arguments)
        if result >= 0:
            return result
        if result != -errno.ENOENT:
            print(name, result, get_error(self.context), file=sys.stderr, flush=True)
        raise FuseOSError(-result if -result in errno.errorcode else errno.EIO)

    def getattr(self, path, handle=None):
        found = Stat()
        self.call('lstat64', os.fsencode(path), byref(found))
        return {
            'st_mode': found.mode, 'st_nlink': found.nlink, 'st_uid': found.uid, 'st_gid': found.gid,
            'st_size': found.size, 'st_blocks': found.blocks, 'st_ino': found.ino,
            'st_atime': found.at + found.atn / 1e9, 'st_mtime': found.mt + found.mtn / 1e9,
            'st_ctime': found.ct + found.ctn / 1e9,
        }  # fmt: skip

    def readdir(self, path, handle):
        directory = c_void_p()
        self.call('opendir', os.fsencode(path), byref(directory))
        names = ['.', '..']
        while entry := read_entry(self.context, directory):
            name = os.fsdecode(entry.contents.name)
            if name not in ('.', '..'):
                names.append(name)
        close_directory(self.context, directory)
        return names

    def _open(self, path, flags, mode=0):
        file = c_void_p()
        self.call('open2', os.fsencode(path), flags, mode, byref(file))
        self.last += 1
        self.files[self.last] = file
        return self.last

    def open(self, path, flags):
        # The kernel has done the rest, O_APPEND too.
        return self._open(path, flags & (os.O_ACCMODE | os.O_TRUNC))

    def create(self, path, mode, info=None):
        return self._open(path, os.O_CREAT | os.O_RDWR, mode)

    def read(self, path, size, offset, handle):
        buffer = ctypes.create_string_buffer(size)
        got = 0
        while got < size:
            count = self.call('pread', self.files[handle], offset + got, size - got, byref(buffer, got))
            if count == 0:
                break
            got += count
        return buffer.raw[:got]

    def write(self, path, data, offset, handle):
        buffer = ctypes.create_string_buffer(data, len(data))
        done = 0
        while done < len(data):
            done += self.call('pwrite', self.files[handle], offset + done, len(data) - done, byref(buffer, done))
        return done

    def fsync(self, path, is_data, handle):
        return self.call('fsync', self.files[handle])

    def release(self, path, handle):
        return self.call('close', self.files.pop(handle))

    def truncate(self, path, length, handle=None):
        self.call('truncate', os.fsencode(path), length)

    def mkdir(self, path, mode):
        self.call('mkdir2', os.fsencode(path), mode)

    def rmdir(self, path):
        self.call('rmdir', os.fsencode(path))

    def unlink(self, path):
        self.call('unlink', os.fsencode(path))

    def rename(self, old, new):
        self.call('rename', os.fsencode(old), os.fsencode(new))

    def symlink(self, name, target):
        self.call('symlink', os.fsencode(target), os.fsencode(name))

    def link(self, name, existing):
        self.call('link', os.fsencode(existing), os.fsencode(name))

    def readlink(self, path):
        buffer = ctypes.create_string_buffer(4096)
        self.call('readlink', os.fsencode(path), buffer, 4096)
        return os.fsdecode(buffer.value)

    def chmod(self, path, mode):
        self.call('chmod', os.fsencode(path), stat.S_IMODE(mode))

    def chown(self, path, uid, gid):
        self.call('lchown', os.fsencode(path), uid, gid)

    def utimens(self, path, times=None):
        times = times or (time.time(),) * 2
        self.call('utimes', os.fsencode(path), (Time * 2)(*[Time(int(t), int(t % 1 * 1e6)) for t in times]))

    def statfs(self, path):
        found = Space()
        self.call('statvfs', os.fsencode(path), byref(found))
        return {
            'f_bsize': found.bsize, 'f_frsize': found.frsize or found.bsize, 'f_blocks': found.blocks,
            'f_bfree': found.bfree, 'f_bavail': found.bavail, 'f_files': found.files, 'f_ffree': found.ffree,
            'f_namemax': found.namemax or 255,
        }  # fmt: skip


if __name__ == '__main__':
    url, place = sys.argv[1:]
    FUSE(
        NFS(url), place, foreground=True, nothreads=True, big_writes=True, max_read=131072, fsname='nfs-of-the-tests',
        subtype='nfs', attr_timeout=0, entry_timeout=0, default_permissions=True, allow_other=True)
