/// Whose connection a token names.
public enum TokenOwner: Hashable, Sendable {
    /// It ends at this box.
    case box
    /// None that ends here: it goes end to end, or is over.
    case others
    /// The kernel could not be asked.
    case unclear
}
