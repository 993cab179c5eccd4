//! [`Lock`] and [`SharedLock`]: the standard library's locks without poisoning.
//!
//! A panic ends one reconcile or one request, not the process. The data it guarded is still
//! consistent, because no guarded update here spans a call that can panic half-way, so the next
//! thread can use it.

use std::sync::{
    Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
};

/// A [`Mutex`] that stays usable after a panic.
///
/// ```
/// use lode_stdx::Lock;
///
/// let count = Lock::new(1);
/// *count.lock() += 1;
/// assert_eq!(count.into_inner(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Lock<T: ?Sized>(Mutex<T>);

impl<T> Lock<T> {
    /// Returns an unlocked lock around a value.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Returns the value.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits for the lock and takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock if it is free; never waits.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A [`RwLock`] that stays usable after a panic: many readers, or one writer.
#[derive(Debug, Default)]
pub struct SharedLock<T: ?Sized>(RwLock<T>);

impl<T> SharedLock<T> {
    /// Returns an unlocked lock around a value.
    pub const fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }
}

impl<T: ?Sized> SharedLock<T> {
    /// Waits until there is no writer, then reads.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is no reader or writer, then writes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_lock_outlives_a_panic() {
        let lock = Lock::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock();
            panic!("while holding the lock");
        }));
        assert!(panicked.is_err());
        assert_eq!(lock.try_lock().as_deref(), Some(&1));
        assert_eq!(*lock.lock(), 1);
        assert_eq!(lock.into_inner(), 1);
    }

    #[test]
    fn a_shared_lock_outlives_a_panic() {
        let lock = SharedLock::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.write();
            panic!("while holding the lock");
        }));
        assert!(panicked.is_err());
        *lock.write() += 1;
        assert_eq!(*lock.read(), 2);
    }

    #[test]
    fn a_lock_that_is_held_is_not_taken() {
        let lock = Lock::new(());
        let _held = lock.lock();
        assert!(lock.try_lock().is_none());
    }
}
