//! holder.
